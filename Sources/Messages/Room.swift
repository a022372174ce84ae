// Messages: a send into bytes - Mustache templates looked at, checked and rendered, and the MIME message around them.
// It reads no files (attachments come through a closure) and decides nothing about when or through whom a send goes.
