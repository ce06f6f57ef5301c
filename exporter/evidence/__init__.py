"""What must be fetched to judge: facts that the mail server itself does not send."""
