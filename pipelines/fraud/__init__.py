"""Fraud: all of the subject that is not a table. Cards, devices and sellers are folded in
features/.
"""
