// Bayan in a corner of another page: a button that opens the chat in a frame.
//   <script src="https://bayan.example.org/widget.js" data-language="ar" defer></script>
// The server's BAYAN_FRAME_ORIGINS must name the page's origin. Everything lies in a shadow root: styles go neither in nor out.
(() => {
  const words = __WORDS__;
  const script = document.currentScript;
  const language = words[script.dataset.language] ? script.dataset.language : 'ar';
  const said = words[language];
  const host = document.createElement('div');
  host.dir = language === 'ar' ? 'rtl' : 'ltr';
  host.lang = language;
  const root = host.attachShadow({ mode: 'closed' });
  const style = new CSSStyleSheet();
  style.replaceSync(`
    button, iframe { position: fixed; inset-inline-end: 16px; z-index: 2147483000; }
    button { inset-block-end: 16px; padding: 12px 18px; border: 0; border-radius: 24px; font: 600 16px/1.4 system-ui, sans-serif;
             color: #fff; background: #14532d; box-shadow: 0 2px 10px #0005; cursor: pointer; }
    button:focus-visible { outline: 3px solid #f59e0b; outline-offset: 2px; }
    iframe { inset-block-end: 80px; width: min(420px, calc(100vw - 32px)); height: min(680px, calc(100vh - 112px));
             border: 1px solid #8886; border-radius: 12px; background: #fff; box-shadow: 0 4px 24px #0004; }
    [hidden] { display: none; }
    @media print { button, iframe { display: none; } }`);
  root.adoptedStyleSheets = [style];
  const button = document.createElement('button');
  button.type = 'button';
  const frame = document.createElement('iframe');
  frame.title = said.title;
  frame.hidden = true;
  const show = (open) => {
    if (open && !frame.src) frame.src = new URL(`.?language=${language}`, script.src).href; // the chat is loaded when it is wanted
    frame.hidden = !open;
    button.textContent = open ? said.close : said.open;
    button.setAttribute('aria-expanded', open);
  };
  show(false);
  button.addEventListener('click', () => show(frame.hidden));
  host.addEventListener('keydown', ({ key }) => {
    if (key === 'Escape' && !frame.hidden) show(false), button.focus();
  });
  root.append(frame, button);
  document.body.append(host);
})();
