"""The addresses of Meta's Graph API, as views: translate, check, one call down."""
