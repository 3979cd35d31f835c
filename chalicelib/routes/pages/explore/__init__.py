"""The explorer: events found by a query, one event, one trace; each as a page and as its JSON twin."""
