"""Pictures of what a model looks at: interactive points, masks, attention and feature maps."""
