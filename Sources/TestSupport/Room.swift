// TestSupport: what the tests of all rooms share - a clock that tests move, folders that clean up after themselves,
// programs to run, and SMTP and HTTP servers on loopback that answer, dawdle and hang up by script.
