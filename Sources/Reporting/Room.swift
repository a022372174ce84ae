// Reporting: plans, results and counts as text, as pages and as JSON, for people and for scripts. It decides nothing and
// reads no project files: commands hand it values, and print what it answers.
