print("nightmail")
