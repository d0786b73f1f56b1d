"""The page's CSS: its own tables and pictures, and what gradio's controls lack for every eye."""

# Colours of the theme have names (`--body-text-color`), so that they fit light and dark.
CSS = """
:root { --bar: #4f46e5; --differ: #b42318; }
.dark { --bar: #a5b4fc; --differ: #fda29b; }

/* Every control shows that it has the focus. */
:focus-visible { outline: 3px solid var(--bar) !important; outline-offset: 2px !important; }
/* Inside, since the box around it cuts off what is outside. */
#upload button:focus-visible { outline-offset: -4px !important; }
/* Gradio's second way to upload is a button within a button, which no screen reader takes. */
#upload .icon-button:has(button) { display: none; }
/* Gradio's pale texts have less than the contrast of 4.5 to 1 that WCAG asks for. */
.or, .min_value, .max_value, #example input { color: var(--body-text-color) !important; }
#look { background: #3730a3; color: white; }
#look:hover { background: #4f46e5; }

.answer { color: var(--body-text-color); overflow-wrap: anywhere; }
.answer .scrolling { max-height: 32rem; overflow: auto; }
.answer table { width: 100%; border-collapse: collapse; border: 0 !important; }
.answer tr { border: 0 !important; }
.answer caption { text-align: left; font-weight: 600; font-size: 1.1em; padding: .4em 0; }
.answer th, .answer td { border: 0; border-bottom: 1px solid var(--border-color-primary);
  padding: .35em .5em; text-align: left; vertical-align: top; font-weight: normal; }
.answer thead th { font-weight: 600; }
.answer thead th:first-child, .answer td b { white-space: nowrap; }
.answer td { min-width: 4.5em; }
.answer .when { width: 1%; }
.answer .when span { white-space: nowrap; }
.answer .bar { background: var(--bar); height: .5em; min-width: 1px; margin-top: .2em; }
.answer .compared th:last-child { width: 1%; white-space: nowrap; }
.answer .sign { font-weight: 700; text-align: center; min-width: 0; }
.answer tr:has(.different) { box-shadow: inset 4px 0 var(--differ); }
.answer .different span { color: var(--differ); }
/* Words for screen readers alone. */
.answer .unseen { position: absolute; width: 1px; height: 1px; overflow: hidden;
  clip-path: inset(50%); white-space: nowrap; }
.answer a.file { color: var(--body-text-color); text-decoration: underline; }

.answer .models { display: grid; gap: 1.5em;
  grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); }
.answer h2 { margin: .5em 0; font-size: 1.1em; }
.answer figure { margin: 0 0 .6em; }
.answer .tiles { display: flex; flex-wrap: wrap; gap: 4px; }
.answer .tiles img { width: calc(25% - 3px); max-width: 160px; height: auto; margin: 0; }

@media (min-width: 641px) { .answer .when { white-space: nowrap; } }
@media (max-width: 640px) { .answer th, .answer td { padding: .3em .25em; } }
"""
