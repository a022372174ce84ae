// Delivery: what to attempt when. A state machine takes events and answers actions; a driver carries them out, writes
// the journal and talks to a transport. Retry schedule, limits and the sorting of replies are pure functions here.
// How bytes reach a server is Transports'; what is on disk is Journal's.
