// What the pages do beyond links and forms. Everything has a way without it.
'use strict';
const all = (selector, from = document) => [...from.querySelectorAll(selector)];
const one = (selector, from = document) => from.querySelector(selector);
const icons = one('.icon use')?.getAttribute('href').split('#')[0];
const make = (html) => { const t = document.createElement('template'); t.innerHTML = html.trim(); return t.content.firstElementChild; };
const icon = (name) => `<svg class="icon" aria-hidden="true"><use href="${icons}#${name}"/></svg>`;
const mac = /Mac|iPhone|iPad/.test(navigator.platform);
if (mac) all('[data-mod]').forEach((e) => { e.textContent = '⌘' + e.dataset.mod; });

// Search as one types: what is empty does not stand in the URL.
document.addEventListener('htmx:config:request', (e) => {
  const { body } = e.detail.ctx.request;
  for (const [name, value] of [...body]) if (value === '') body.delete(name);
});

// Lists: boxes, and how many are chosen.
const chosen = () => all('[name=oId]:checked');
const showChosen = () => {
  const boxes = all('tbody [name=oId]');
  const head = one('[data-all]');
  if (!head) return;
  const n = chosen().length;
  head.checked = n > 0 && n === boxes.length;
  head.indeterminate = n > 0 && n < boxes.length;
  one('[data-selected]').textContent = `${n} selected`;
};
document.addEventListener('change', (e) => {
  if (e.target.matches('[data-all]')) all('tbody [name=oId]').forEach((b) => { b.checked = e.target.checked; });
  if (e.target.matches('[data-all], [name=oId]')) showChosen();
});
document.addEventListener('reset', () => setTimeout(showChosen));
const row = (step) => {
  const rows = all('.rows tbody tr');
  const at = rows.findIndex((r) => r.classList.contains('at'));
  const next = rows[Math.max(0, Math.min(rows.length - 1, at + step))];
  rows[at]?.classList.remove('at');
  next?.classList.add('at');
  next?.scrollIntoView({ block: 'nearest' });
};

// Copy buttons and toasts.
document.addEventListener('click', async (e) => {
  const button = e.target.closest('[data-copy]');
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  toast('Copied.');
});
const toast = (text) => {
  const t = make('<div class="toast"><span></span></div>');
  t.firstChild.textContent = text;
  one('#toasts').replaceChildren(t);
  fade(t);
};
const fade = (t) => {
  let left = 10;
  const clock = setInterval(() => {
    if (t.matches(':hover, :focus-within')) left = 10;
    if (--left <= 0 || !t.isConnected) { t.remove(); clearInterval(clock); }
  }, 1000);
};
all('#toasts .toast').forEach(fade);
one('[data-focus]')?.focus();

// The palette: the page of search in a dialog.
const openPalette = () => {
  if (one('#palette[open]')) return;
  const d = make(`<dialog id="palette" aria-label="Search or jump to"><label class="search">${icon('search')}<span class="unseen">Search everything</span>
    <input type="search" role="combobox" aria-expanded="true" aria-controls="hits" placeholder="Search or jump to" autocomplete="off" autofocus></label><ul class="hits" id="hits" role="listbox" aria-label="Found"></ul>
    <p><kbd>↑</kbd><kbd>↓</kbd> move <kbd>↵</kbd> open <kbd>esc</kbd> close</p></dialog>`);
  const input = one('input', d);
  const hits = one('.hits', d);
  const choose = (step) => {
    const list = all('a', hits);
    if (!list.length) return;
    const at = list.findIndex((a) => a.getAttribute('aria-selected') === 'true');
    list[at]?.setAttribute('aria-selected', 'false');
    const next = list[(at + step + list.length) % list.length];
    next.setAttribute('aria-selected', 'true');
    next.scrollIntoView({ block: 'nearest' });
    input.setAttribute('aria-activedescendant', next.id);
  };
  let asked = 0;
  const search = async () => {
    const mine = ++asked;
    const answer = await fetch(`/console/find?q=${encodeURIComponent(input.value)}`, { headers: { 'HX-Request': 'true' } });
    if (mine !== asked) return;
    const found = new DOMParser().parseFromString(await answer.text(), 'text/html');
    hits.replaceChildren(...all('#found > *', found));
    all('li', hits).forEach((li) => li.setAttribute('role', 'presentation'));
    all('a', hits).forEach((a, i) => { a.id = `hit-${i}`; a.setAttribute('role', 'option'); a.tabIndex = -1; });
    choose(1);
  };
  let wait;
  input.addEventListener('input', () => { clearTimeout(wait); wait = setTimeout(search, 80); });
  d.addEventListener('keydown', (e) => {
    if (e.isComposing) return;
    if (e.key === 'ArrowDown' || e.key === 'ArrowUp') { e.preventDefault(); choose(e.key === 'ArrowDown' ? 1 : -1); }
    if (e.key === 'Enter') { e.preventDefault(); const a = one('[aria-selected=true]', hits); if (a) (e.metaKey || e.ctrlKey ? window.open(a.href) : location.assign(a.href)); }
  });
  d.addEventListener('click', (e) => { if (e.target === d) d.close(); });
  d.addEventListener('close', () => d.remove());
  document.body.append(d);
  d.showModal();
};
document.addEventListener('click', (e) => {
  if (e.target.closest('[data-palette]') && !e.ctrlKey && !e.metaKey) { e.preventDefault(); openPalette(); }
});

// Keys. Single letters do nothing while a field has the focus, and can be switched off.
const quiet = () => localStorage.getItem('personae-keys') === 'off';
const help = () => {
  const d = make(`<dialog id="keys" aria-label="Keys"><h2>Keys</h2><dl>${[
    [mac ? '⌘ K' : 'Ctrl K', 'Search or jump to'], ['/', 'Search this page'], ['G H', 'Home'], ['G P', 'Personas'], ['G M', 'Match'], ['G I', 'Import'], ['G A', 'Admin'], ['C', 'New'], ['E', 'Edit'], ['H', 'History'],
    ['J K', 'Next, previous row'], ['X', 'Select the row'], ['↵', 'Open the row'], [mac ? '⌘ S' : 'Ctrl S', 'Save'], ['Alt ↑ ↓', 'Move an item, a list or a question'], ['Esc', 'Close, clear'], ['?', 'This list'],
  ].map(([key, what]) => `<div><dt><kbd>${key}</kbd></dt><dd>${what}</dd></div>`).join('')}</dl><p><label class="check"><input type="checkbox"${quiet() ? '' : ' checked'}> Single letters do something</label><button autofocus>Close</button></p></dialog>`);
  one('input', d).addEventListener('change', (e) => localStorage.setItem('personae-keys', e.target.checked ? 'on' : 'off'));
  one('button', d).addEventListener('click', () => d.close());
  d.addEventListener('close', () => d.remove());
  document.body.append(d);
  d.showModal();
};
const places = { h: '/console', p: '/console/persona', m: '/console/match', i: '/console/import', a: '/console/admin' };
let went = -1e9;
document.addEventListener('keydown', (e) => {
  if (e.isComposing) return;
  const key = e.key.toLowerCase();
  if (e.ctrlKey || e.metaKey) {
    const press = one(`[data-key="mod+${key}"]`);
    if (key === 'k') { e.preventDefault(); openPalette(); } else if (press) { e.preventDefault(); press.click(); }
    return;
  }
  if (key === 'escape' && !one('dialog[open]')) { one('[data-rows]')?.reset(); one('.menu[open]')?.removeAttribute('open'); }
  if (e.altKey || e.target.closest('input:not([type=checkbox]), textarea, select, dialog') || quiet()) return;
  const goes = e.timeStamp - went < 1500 && places[key];
  went = key === 'g' ? e.timeStamp : -1e9;
  const press = one(`[data-key="${key}"]`);
  if (goes) location.assign(goes);
  else if (press?.matches('input')) { e.preventDefault(); press.focus(); press.select(); }
  else if (press) press.click();
  else if (key === '/') { e.preventDefault(); openPalette(); }
  else if (key === '?') help();
  else if (key === 'j' || key === 'k') row(key === 'j' ? 1 : -1);
  else if (key === 'x') one('tr.at [name=oId]')?.click();
  else if (key === 'enter' && e.target === document.body) one('tr.at th a')?.click();
});

// A list of texts: one row an item, the last one blank.
customElements.define('item-list', class extends HTMLElement {
  connectedCallback() {
    if (this.ready) return; // it was moved
    this.ready = true;
    all('li', this).forEach((li) => this.equip(li));
    this.addEventListener('keydown', (e) => this.key(e));
    this.addEventListener('input', (e) => this.fill(e.target.closest('li')));
    this.addEventListener('paste', (e) => this.paste(e));
    this.addEventListener('click', (e) => {
      const tool = e.target.closest('.tools button');
      if (tool) this.use(tool.closest('li'), tool.dataset.do);
    });
  }
  equip(li) {
    one('.tools', li)?.remove(); // of the one it was copied from
    li.append(make(`<span class="tools">${[['up', 'arrow-up', 'Move up'], ['down', 'arrow-down', 'Move down'], ['drop', 'x', 'Remove']].map(([what, name, label]) =>
      `<button type="button" class="quiet" data-do="${what}" tabindex="-1" title="${label}">${icon(name)}<span class="unseen">${label}</span></button>`).join('')}</span>`));
    li.classList.toggle('blank', !one('textarea', li).value);
  }
  fill(li) {
    const text = one('textarea', li);
    li.classList.toggle('blank', !text.value);
    if (text.value && li === this.querySelector('li:last-child')) this.add(li);
    const was = text.defaultValue;
    if (!text.value || text.value === was) delete li.dataset.is;
    else li.dataset.is = was ? 'changed' : 'new';
  }
  add(after, value = '') {
    const li = after.cloneNode(true);
    delete li.dataset.is;
    one('.wrong', li)?.remove();
    const text = one('textarea', li);
    text.removeAttribute('aria-invalid');
    text.textContent = '';
    text.value = value;
    text.placeholder = one('li:last-child textarea', this).placeholder;
    after.after(li);
    this.equip(li);
    if (value) this.fill(li);
    return li;
  }
  use(li, what) {
    const text = one('textarea', li);
    if (what === 'up') li.previousElementSibling?.before(li);
    if (what === 'down' && li.nextElementSibling && !li.nextElementSibling.matches('.blank')) li.nextElementSibling.after(li);
    if (what === 'drop') {
      if (li === this.querySelector('li:last-child')) return;
      const next = li.previousElementSibling ?? li.nextElementSibling;
      li.remove();
      one('textarea', next).focus();
    } else text.focus();
    this.dispatchEvent(new Event('change', { bubbles: true }));
  }
  key(e) {
    if (e.isComposing) return;
    const li = e.target.closest('li');
    if (e.altKey && (e.key === 'ArrowUp' || e.key === 'ArrowDown')) { e.preventDefault(); this.use(li, e.key === 'ArrowUp' ? 'up' : 'down'); }
    if (e.key === 'Enter' && !e.shiftKey && !e.ctrlKey && !e.metaKey) { e.preventDefault(); const next = li.nextElementSibling?.matches('.blank') || !e.target.value ? li.nextElementSibling ?? li : this.add(li); one('textarea', next).focus(); }
    if (e.key === 'Backspace' && !e.target.value) { e.preventDefault(); this.use(li, 'drop'); }
  }
  paste(e) {
    const lines = e.clipboardData.getData('text').split(/\r?\n/).map((l) => l.replace(/^\s*[-•*]\s+/, '').trim()).filter(Boolean);
    if (lines.length < 2) return;
    e.preventDefault();
    let li = e.target.closest('li');
    const text = one('textarea', li);
    text.value += lines.shift();
    this.fill(li);
    for (const line of lines) li = this.add(li, line);
    one('textarea', li).focus();
  }
});

// Questions and titled lists: the last is blank; whoever writes in it gets another one.
customElements.define('block-list', class extends HTMLElement {
  connectedCallback() {
    this.blank = this.lastElementChild.cloneNode(true);
    for (const block of this.children) this.equip(block);
    this.addEventListener('input', (e) => {
      if (this.lastElementChild.contains(e.target) && e.target.value) this.append(this.equip(this.blank.cloneNode(true)));
    });
    this.addEventListener('keydown', (e) => {
      if (!e.altKey || e.isComposing || !/^Arrow(Up|Down)$/.test(e.key) || e.target.closest('item-list')) return;
      e.preventDefault();
      this.move([...this.children].find((block) => block.contains(e.target)), e.key === 'ArrowUp' ? 'up' : 'down', e.target);
    });
  }
  equip(block) {
    const tools = make(`<div class="tools">${[['up', 'arrow-up', 'Up'], ['down', 'arrow-down', 'Down'], ['drop', 'trash-2', 'Remove']].map(([what, name, label]) =>
      `<button type="button" class="quiet small${what === 'drop' ? ' danger' : ''}" data-do="${what}">${icon(name)}${label}</button>`).join('')}</div>`);
    tools.addEventListener('click', (e) => { const button = e.target.closest('button'); if (button) this.move(block, button.dataset.do, button); });
    block.append(tools);
    return block;
  }
  move(block, what, focus) {
    const next = block.nextElementSibling;
    if (!next) return; // the blank one stays the last
    if (what === 'up') block.previousElementSibling?.before(block);
    if (what === 'down' && next.nextElementSibling) next.after(block);
    if (what === 'drop') { focus = one('summary, input, textarea', block.previousElementSibling ?? next); block.remove(); }
    focus.focus();
    this.dispatchEvent(new Event('change', { bubbles: true }));
  }
});

// The editor: how many fields changed, a draft that survives a closed tab, and a
// question before it is left. Drafts are of a user, a workspace and an address.
const saving = sessionStorage.getItem('personae-saving');
sessionStorage.removeItem('personae-saving');
document.addEventListener('submit', (e) => {
  if (!e.target.matches('[action="/console/sign-out"]')) return;
  for (const key of Object.keys(localStorage)) if (key.startsWith('personae-draft ')) localStorage.removeItem(key);
});
const editor = one('#editor');
if (editor) {
  const pairs = () => new URLSearchParams(new FormData(editor)).toString();
  const fields = all('[data-field]', editor);
  const state = (f) => all('input, textarea, select', f).filter((i) => (i.type !== 'checkbox' && i.type !== 'radio') || i.checked).map((i) => i.value).filter(Boolean).join('\n');
  const before = new Map(fields.map((f) => [f, state(f)]));
  const at = `personae-draft ${editor.dataset.draft}`;
  let leaving = false;
  let wait;
  const keep = () => localStorage.setItem(at, JSON.stringify({ when: Date.now(), pairs: pairs() }));
  const changed = () => fields.filter((f) => f.hasAttribute('data-changed') || state(f) !== before.get(f));
  const show = () => {
    const list = changed();
    one('[data-changes]').textContent = list.length ? `${list.length} ${list.length === 1 ? 'field' : 'fields'} changed` : '';
    for (const f of fields) one(`.outline a[href="#${f.id}"]`)?.classList.toggle('changed', list.includes(f));
    clearTimeout(wait);
    wait = setTimeout(() => { if (!leaving && list.length) keep(); }, 300);
  };
  const draft = JSON.parse(localStorage.getItem(at) ?? 'null');
  if (draft && !changed().length) {
    const note = make(`<div class="note warn" role="status">${icon('clock')}<span><b>There is a draft of ${new Date(draft.when).toLocaleString()}.</b> It was not saved. <button type="button" class="small">Show the draft</button> <button type="button" class="small quiet">Drop it</button></span></div>`);
    const [open, drop] = all('button', note);
    open.addEventListener('click', () => {
      const form = make('<form method="post"></form>');
      form.action = editor.getAttribute('action');
      for (const [name, value] of new URLSearchParams(draft.pairs)) { const input = make('<textarea></textarea>'); input.name = name; input.value = value; form.append(input); }
      const what = make('<input type="hidden" name="do" value="draft">');
      form.append(what);
      form.hidden = true;
      document.body.append(form);
      leaving = true;
      form.submit();
    });
    drop.addEventListener('click', () => { localStorage.removeItem(at); note.remove(); });
    editor.prepend(note);
  }
  editor.addEventListener('input', show);
  editor.addEventListener('change', show);
  editor.addEventListener('submit', (e) => {
    leaving = true;
    clearTimeout(wait);
    if (changed().length) keep();
    if (e.submitter?.value === 'save') sessionStorage.setItem('personae-saving', at);
  });
  one('[data-discard]').addEventListener('click', () => { leaving = true; clearTimeout(wait); localStorage.removeItem(at); });
  window.addEventListener('beforeunload', (e) => { if (!leaving && changed().length) e.preventDefault(); });
  show();
} else if (saving && one('#toasts .toast')) localStorage.removeItem(saving); // it was saved

// A form that takes long says that it is at work, and is sent once.
document.addEventListener('submit', (e) => {
  const says = e.submitter?.dataset.busy;
  if (!says) return;
  if (e.target.ariaBusy === 'true') { e.preventDefault(); return; }
  e.target.ariaBusy = 'true';
  e.submitter.after(make(`<span role="status">${says}</span>`));
});
window.addEventListener('pageshow', () => all('form[aria-busy]').forEach((f) => { f.ariaBusy = null; one('[data-busy] + [role=status]', f)?.remove(); }));

// A file can be dropped on its field.
customElements.define('drop-zone', class extends HTMLElement {
  connectedCallback() {
    for (const name of ['dragover', 'dragleave', 'drop']) this.addEventListener(name, (e) => { e.preventDefault(); this.classList.toggle('over', name === 'dragover'); });
    this.addEventListener('drop', (e) => { one('input', this).files = e.dataTransfer.files; });
  }
});
