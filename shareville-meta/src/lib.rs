//! Facebook Pages over the Graph API: publisher and connector for Shareville.
