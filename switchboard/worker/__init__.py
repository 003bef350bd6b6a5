"""The process that runs the code: `loop` takes messages, `dispatch` runs one, `delivery` keeps hold of them."""
