"""Files of ours: whole or not there, readable or a sentence about what is wrong with them."""
