"""What the README claims, each with the command that measures it and the receipt that this
wrote.
"""
