//! The look of the sandbox's pages: plain, and clearly not Meta's.

use maud::{DOCTYPE, Markup, PreEscaped, html};

const CSS: &str = "
:root { color-scheme: light dark; --line: #8884; --accent: #7a3ff0; }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; padding: 2rem 1rem; }
main { max-width: 40rem; margin: 0 auto; }
h1 { font-size: 1.4rem; line-height: 1.25; }
a { color: var(--accent); }
.card, article { border: 1px solid var(--line); border-radius: .75rem; padding: 1.25rem; margin: 0 auto 1rem; }
.banner { background: #ffe9a8; color: #4a3600; border-radius: .5rem; padding: .5rem .75rem; margin-top: 0; }
fieldset { border: 1px solid var(--line); border-radius: .5rem; margin: 1rem 0; }
label { display: flex; gap: .6rem; align-items: baseline; padding: .2rem 0; }
label.apart { border-top: 1px solid var(--line); margin-top: .4rem; padding-top: .6rem; }
.small, time { font-size: .85rem; opacity: .75; }
.text { white-space: pre-wrap; overflow-wrap: anywhere; }
.photos { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .5rem; }
.photos figure { margin: 0; }
.photos img { width: 100%; min-height: 5rem; border-radius: .5rem; border: 1px solid var(--line); object-fit: cover; }
.comments { list-style: none; padding: .75rem 0 0; margin: 1rem 0 0; border-top: 1px solid var(--line); }
.comments li.reply { margin-left: 1.5rem; }
.buttons { display: flex; gap: .75rem; }
button { font: inherit; padding: .5rem 1.25rem; border-radius: .5rem; border: 1px solid var(--line); cursor: pointer; }
button.main { background: var(--accent); color: #fff; border-color: var(--accent); }
code { font-size: .85em; overflow-wrap: anywhere; }
";

/// A whole page; with a number it loads itself anew after so many seconds.
pub(crate) fn page(title: &str, body: &Markup, refresh: Option<u32>) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                @if let Some(seconds) = refresh { meta http-equiv="refresh" content=(seconds); }
                title { (title) }
                style { (PreEscaped(CSS)) }
            }
            body { (body) }
        }
    }
}
