// Planning: project, history, date and seed into a plan. Pure: no file, no clock, no chance that the seed does not
// decide. Who is due is decided in SequencePosition and RowPosition, room is found in MailboxDay, times in Slots.
// Templates are rendered through Model's TemplateRenderer; what the plan looks like on disk is Journal's.
