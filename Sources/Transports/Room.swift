// Transports: bytes to a server, and the server's answer back - SMTP through libcurl's connections with our own mail
// transactions, and folders of files. The only room that imports CCurl; what to attempt when, and what an answer
// means, is Delivery's.
