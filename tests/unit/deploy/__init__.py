"""The files that deploy and watch Paygate, and what checks them."""
