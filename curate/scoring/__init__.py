"""What a record is worth: a teacher's judgement, how hard it is for the student, and who stays when not all can."""
