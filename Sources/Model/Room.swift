// Model: the values that every other room speaks in - contact, mailbox, campaign, step, window, send, attempt,
// finding, secret - and the pure rules that belong to them (calendar, identity, JSON text).
// No I/O, no clock. Reading files is Config's and Journal's, deciding is Planning's and Delivery's.
