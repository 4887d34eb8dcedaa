"""Power and cooling: what racks draw through each feed, what survives the loss of a feed, and where the heat goes."""
