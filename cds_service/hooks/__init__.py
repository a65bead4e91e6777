"""CDS Hooks over Flask: discovery, requests, prefetch and answers."""
