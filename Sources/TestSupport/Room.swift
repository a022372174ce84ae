// TestSupport: what the tests of all rooms share - a clock that tests move, folders that clean up after themselves,
// programs to run, and an SMTP server on loopback that answers, dawdles and hangs up by script.
