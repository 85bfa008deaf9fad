//! Pages that list files, and what they promise of them. Knows bytes only: neither HTTP nor AWS.
//!
//! A page is made **neutral** when it comes in (links fit wherever the page is served, what is missing is
//! filled in), kept like that, and **rendered** for each request.
