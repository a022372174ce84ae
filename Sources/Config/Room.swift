// Config: reads the project's YAML, CSV and JSON Lines into the model, every problem a finding with its place.
// What a template says is Messages' to judge, what is due is Planning's; Config never writes but to append a data row.
