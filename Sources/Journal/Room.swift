// Journal: plan, approval, results, dead letters, lock and history as bytes on disk, written so that a crash at any
// instant loses nothing that was said to be there. What to plan, approve or attempt is decided by others.
