"""For tests: of consumers (`client`), of layers (`contract`), and of whole processes (`processes`)."""
