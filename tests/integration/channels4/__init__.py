"""An ordinary project of Channels 4: nothing in it knows of Switchboard."""
