/* The window's own script. Gradio draws its parts; this binds what a reader does in them: open a quote in its statement, peek at it,
   choose an example, say what one thinks of an answer, send the files that were chosen to a door of this server. It makes no other request
   and draws no text that the server did not send as markup. */

window.bayan = (() => {
  const root = document.documentElement;

  // In a frame of another site a browser may refuse its storage, and Gradio stops there: conversations then last as long as the page.
  try { void window.localStorage; } catch {
    const kept = new Map();
    const storage = { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, String(value)), removeItem: (key) => kept.delete(key) };
    Object.defineProperty(window, 'localStorage', { value: storage });
    root.classList.add('forgetful');
  }

  const find = (selector) => document.querySelector(selector);
  const turnOf = (element) => Number(element.closest('[data-turn]').dataset.turn);
  const calm = () => matchMedia('(prefers-reduced-motion: reduce)').matches;
  let opener = null; // what opened the reader, to return the focus to
  let byTouch = false;

  document.addEventListener('pointerdown', ({ pointerType }) => { byTouch = pointerType === 'touch'; }, true);

  // Peek: the quote of a chip, shown beside it.

  let peeked = null;
  const peek = (chip) => {
    const quote = document.getElementById(chip.hash.slice(1))?.querySelector('blockquote, mark');
    if (!quote || chip === peeked) return;
    unpeek();
    const box = Object.assign(document.createElement('div'), { id: 'peek' });
    box.setAttribute('role', 'tooltip');
    const card = quote.closest('.card');
    for (const part of [card.querySelector('.title'), card.querySelector('.meta'), quote]) {
      if (!part) continue;
      const copy = document.createElement('div');
      for (const name of ['dir', 'lang']) if (part.getAttribute(name)) copy.setAttribute(name, part.getAttribute(name));
      copy.className = part.className;
      copy.append(...[...part.childNodes].map((node) => node.cloneNode(true)));
      box.append(copy);
    }
    document.body.append(box);
    const at = chip.getBoundingClientRect(), size = box.getBoundingClientRect();
    const top = at.bottom + 6 + size.height < innerHeight ? at.bottom + 6 : Math.max(6, at.top - size.height - 6);
    const left = Math.min(Math.max(6, at.left + at.width / 2 - size.width / 2), innerWidth - size.width - 6);
    Object.assign(box.style, { top: `${top}px`, left: `${left}px` });
    chip.setAttribute('aria-describedby', 'peek');
    peeked = chip;
  };
  const unpeek = () => {
    find('#peek')?.remove();
    peeked?.removeAttribute('aria-describedby');
    peeked = null;
  };
  for (const [shown, hidden] of [['mouseover', 'mouseout'], ['focusin', 'focusout']]) {
    document.addEventListener(shown, ({ target }) => {
      const chip = target.closest?.('.chip');
      if (chip && (shown === 'mouseover' || chip.matches(':focus-visible')) && !byTouch) peek(chip);
    });
    document.addEventListener(hidden, ({ target }) => { if (target.closest?.('.chip') && !byTouch) unpeek(); });
  }
  document.addEventListener('scroll', unpeek, true);

  // Chat

  // The box is ready to be typed in where it is in view; a phone shows the page from its top, and a frame leaves the keyboard to its page.
  const ready = () => {
    if (parent !== window || matchMedia('(max-width: 700px)').matches) return;
    const box = find('#question textarea');
    if (box) box.focus({ preventScroll: true });
    else requestAnimationFrame(ready); // Gradio makes it after the chat
  };

  const chat = (element, trigger, watch) => {
    ready();
    element.addEventListener('click', async ({ target }) => {
      const example = target.closest('.example');
      if (example) return trigger('example', { text: example.textContent });
      if (target.closest('.flag')) return trigger('doubt', { turn: turnOf(target) });
      const thumb = target.closest('.thumb');
      if (thumb?.dataset.thumb === 'up') return trigger('thumb', { turn: turnOf(thumb), thumb: 'up', reason: '' });
      if (thumb) {
        const form = thumb.closest('.below').querySelector('.reason');
        form.hidden = !form.hidden;
        if (!form.hidden) form.querySelector('input').focus();
      }
      const share = target.closest('.share');
      if (share) copyLink(share);
    });
    element.addEventListener('submit', (event) => {
      event.preventDefault();
      const reason = new FormData(event.target).get('reason');
      trigger('thumb', { turn: turnOf(event.target), thumb: 'down', reason });
    });
    watch('value', () => {
      unpeek();
      const newest = [...element.querySelectorAll('.exchange')].at(-1);
      if (newest) newest.scrollIntoView({ block: 'nearest' });
      const state = newest?.querySelector('.answer, .problem, .waiting, .note');
      const told = state?.matches('.answer') ? find('#chat [data-answered]')?.dataset.answered : state?.textContent;
      announce(told || '');
    });
  };

  const copyLink = async (button) => {
    const link = `${location.origin}${location.pathname}?q=${encodeURIComponent(askedIn(button))}`;
    try {
      await navigator.clipboard.writeText(link);
      announce(button.dataset.done);
      button.classList.add('done');
      button.lastChild.textContent = button.dataset.done;
    } catch {
      prompt('', link); // no clipboard without TLS: the link to copy by hand
    }
  };
  const askedIn = (element) => [...element.closest('.exchange').querySelector('.question').childNodes]
    .filter((node) => !node.classList?.contains('spoken')).map((node) => node.textContent).join('');

  const announce = (text) => {
    let live = find('#live');
    if (!live) {
      live = Object.assign(document.createElement('div'), { id: 'live', className: 'spoken' });
      live.setAttribute('role', 'status');
      document.body.append(live);
    }
    if (live.textContent !== text) live.textContent = text;
  };

  // Evidence: the cards of one answer at a time.

  const panel = (element, trigger, watch) => {
    const show = (card) => {
      const sets = element.querySelectorAll('section');
      sets.forEach((set) => { set.hidden = card ? !set.contains(card) : set !== sets[sets.length - 1]; });
    };
    document.addEventListener('click', (event) => {
      const link = event.target.closest('a[href^="#evidence-"]');
      if (!link) return;
      event.preventDefault();
      const card = document.getElementById(link.hash.slice(1));
      if (!card) return;
      show(card);
      card.classList.remove('flash');
      void card.offsetWidth;
      card.classList.add('flash');
      if (link.matches('.chip')) return;
      card.scrollIntoView({ block: 'nearest', behavior: calm() ? 'auto' : 'smooth' });
      card.focus({ preventScroll: true });
    });
    watch('value', () => show(null));
  };

  // Copied, an answer takes the sources of its markers along.

  const shown = (element) => [...element.childNodes].map((node) => (node.classList?.contains('spoken') ? '' : node.textContent)).join('').trim();
  document.addEventListener('copy', (event) => {
    const chosen = getSelection();
    const chips = [...document.querySelectorAll('.reply .chip')].filter((chip) => chosen.containsNode(chip, true));
    const cited = chips.map((chip) => [chip.textContent, document.getElementById(chip.hash.slice(1))]).filter(([, card]) => card);
    if (!cited.length || !event.clipboardData) return;
    const lines = cited.map(([marker, card]) => `${marker} ${['.title', '.meta', '.source'].map((part) => shown(card.querySelector(part))).join(' · ')}`);
    const markup = document.createElement('div');
    for (let at = 0; at < chosen.rangeCount; at++) markup.append(chosen.getRangeAt(at).cloneContents());
    markup.querySelectorAll('.spoken, .below').forEach((part) => part.remove());
    markup.querySelectorAll('.chip').forEach((chip) => chip.replaceWith(` ${chip.textContent}`)); // a link that leads nowhere elsewhere
    markup.append(...[...new Set(lines)].map((line) => Object.assign(document.createElement('p'), { dir: 'auto', textContent: line })));
    event.clipboardData.setData('text/plain', `${chosen}\n\n${[...new Set(lines)].join('\n')}\n`);
    event.clipboardData.setData('text/html', markup.innerHTML);
    event.preventDefault();
  });

  // Reader: a whole statement beside the chat.

  const reader = (element, trigger, watch) => {
    let place = '';
    const show = (moved) => {
      root.classList.add('reading');
      const mark = element.querySelector('mark.current'), text = element.querySelector('.text');
      text.scrollTop = mark ? mark.offsetTop - text.clientHeight / 4 : 0;
      if (moved) element.querySelector('#reader-title').focus({ preventScroll: true });
    };
    const close = () => {
      if (!root.classList.contains('reading')) return;
      root.classList.remove('reading');
      const back = opener && (opener.isConnected ? opener : find(`[data-open="${opener.dataset.open}"]`));
      back?.focus();
    };
    document.addEventListener('click', (event) => {
      const source = event.target.closest('[data-open]');
      if (source) {
        event.preventDefault();
        if (byTouch && source.matches('.chip') && peeked !== source) return peek(source);
        unpeek();
        if (!element.contains(source)) opener = source;
        return source.dataset.open === place ? show(true) : trigger('open', { key: source.dataset.open });
      }
      if (event.target.closest('#peek') && peeked) return peeked.click();
      if (event.target.closest('#reader .close')) close();
      if (byTouch) unpeek();
    });
    document.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape' || event.defaultPrevented) return;
      if (peeked) unpeek();
      else close();
    });
    watch('value', () => {
      const statement = element.querySelector('.statement');
      if (!statement) { place = ''; return root.classList.remove('reading'); }
      const moved = statement.dataset.place !== place;
      place = statement.dataset.place;
      if (moved || root.classList.contains('reading')) show(moved);
    });
  };

  // The filters: the form is drawn anew at each change, and stays open where the reader was in it.

  const narrow = (element, trigger, watch) => {
    let open = false, held = null, told = '';
    const fields = () => [...new FormData(element.querySelector('form'))];
    const choose = (chosen) => { told = JSON.stringify(chosen); trigger('narrow', { chosen }); };
    const changed = () => { if (JSON.stringify(fields()) !== told) choose(fields()); };
    element.addEventListener('toggle', ({ target }) => { open = target.open; told = JSON.stringify(fields()); }, true);
    document.addEventListener('focusin', ({ target }) => {
      held = element.contains(target) && target.form ? [target.name, target.type === 'checkbox' ? target.value : null] : null;
    });
    // A date is half typed at each change: it counts when its field is left.
    element.addEventListener('change', ({ target }) => { if (target.type === 'checkbox') changed(); });
    element.addEventListener('focusout', ({ target }) => { if (target.type === 'date') setTimeout(changed); });
    element.addEventListener('submit', (event) => { event.preventDefault(); changed(); });
    element.addEventListener('keydown', ({ key, target }) => { if (key === 'Enter' && target.type === 'date') changed(); });
    element.addEventListener('click', ({ target }) => {
      const drop = target.closest('.drop');
      if (target.closest('.clear')) choose([]);
      if (drop) choose(fields().filter(([name, value]) => name !== drop.dataset.name || value !== drop.dataset.value));
      if (drop || target.closest('.clear')) find('#question textarea').focus();
    });
    watch('value', () => {
      const details = element.querySelector('details');
      // Gradio keeps the elements and changes their attributes, which a box that was pressed no longer follows.
      element.querySelectorAll('input[type="checkbox"]').forEach((box) => { box.checked = box.defaultChecked; });
      if (!details || !open) return;
      details.open = true;
      if (!held) return;
      const [name, value] = held;
      [...element.querySelectorAll('input')].find((box) => box.name === name && (value === null || box.value === value))?.focus();
    });
  };

  // Conversations kept in this browser, and files made of them.

  const history = (element, trigger) => {
    element.addEventListener('click', ({ target }) => {
      const button = target.closest('button');
      if (!button) return;
      if (button.matches('.begin')) trigger('begin');
      if (button.matches('.choose')) trigger('choose', { name: button.dataset.name });
      if (button.matches('.forget')) trigger('forget', { name: button.dataset.name });
      if (button.dataset.form) trigger('export', { form: button.dataset.form });
      if (!button.matches('.forget')) closeMenus();
    });
  };
  const file = (element, trigger, watch) => watch('value', () => element.querySelector('a[download]')?.click());

  // Statements: to remove one takes two presses; of more of them, the first new one has the focus.

  const browse = (element, trigger, watch) => {
    let before = null;
    const titles = () => element.querySelectorAll('.statements .title');
    watch('value', () => {
      if (before !== null) titles()[before]?.focus();
      before = null;
    });
    element.addEventListener('click', ({ target }) => {
      if (target.closest('.more')) {
        before = titles().length;
        trigger('more');
      }
      const box = target.closest('.removal');
      if (!box) return;
      const asking = target.closest('.ask-remove');
      if (target.closest('.remove')) trigger('remove', { statement: target.closest('.remove').dataset.statement });
      box.querySelector('.sure').hidden = !asking;
      box.querySelector('.ask-remove').hidden = Boolean(asking);
      box.querySelector(asking ? '.keep' : '.ask-remove').focus();
    });
  };

  // Files that were chosen go to a door of our own; what it answers is told by what the server draws.

  const upload = (element, trigger) => {
    element.addEventListener('change', async ({ target }) => {
      if (!target.files?.length) return;
      const form = new FormData();
      for (const file of target.files) form.append('files', file, file.name);
      target.disabled = true;
      try {
        const response = await fetch(target.dataset.to, { method: 'POST', body: form });
        const answer = await response.json();
        if (response.ok) trigger('uploaded', { answer });
        else trigger('refused', { detail: answer.detail || response.statusText });
      } catch (error) {
        trigger('refused', { detail: String(error.message) });
      } finally {
        target.value = '';
        target.disabled = false;
      }
    });
  };

  const closeMenus = (but) => document.querySelectorAll('details.menu[open]').forEach((menu) => { if (!menu.contains(but)) menu.open = false; });
  document.addEventListener('click', ({ target }) => { if (target.isConnected) closeMenus(target); });
  document.addEventListener('keydown', (event) => {
    const menu = event.key === 'Escape' && event.target.closest?.('details.menu[open]');
    if (!menu) return;
    event.preventDefault();
    menu.open = false;
    menu.querySelector('summary').focus();
  }, true);

  // The box follows the typed language.

  document.addEventListener('input', ({ target }) => {
    if (!target.matches?.('textarea, input[type="text"], input[type="search"]')) return;
    const count = (letters) => (target.value.match(letters) || []).length;
    const lead = count(/\p{Script=Arabic}/gu) - count(/\p{Script=Latin}/gu);
    target.dir = lead > 0 ? 'rtl' : lead < 0 ? 'ltr' : root.dir;
  });

  // The button that Gradio names in English alone, and a message whose head is a button round another.

  const rename = () => {
    const label = find('.masthead')?.dataset.close;
    document.querySelectorAll('.toast-close').forEach((button) => { if (label && button.ariaLabel !== label) button.ariaLabel = label; });
    document.querySelectorAll('.toast-header[role]').forEach((head) => { head.removeAttribute('role'); head.removeAttribute('tabindex'); });
  };
  // Gradio calls the page's language the browser's own: a screen reader would read Arabic as English.
  const speak = () => { const spoken = root.dir === 'rtl' ? 'ar' : 'en'; if (root.lang !== spoken) root.lang = spoken; };
  new MutationObserver(() => { rename(); speak(); }).observe(root, { childList: true, subtree: true, attributeFilter: ['lang'] });

  return { announce, browse, chat, file, history, narrow, panel, reader, upload };
})();
