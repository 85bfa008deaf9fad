// Brings the page up to date without reloading it. Without this script, the page reloads itself.
"use strict";
(() => {
  const EVERY = 2000;
  const PATIENCE = 8000;
  const lost = document.getElementById("lost");
  const said = document.getElementById("said");
  let lastSeen = new Date();
  let timer = 0;

  // What only a script can do is made in each new page before it is compared with the old one.
  function prepare(page) {
    for (const time of page.querySelectorAll("time")) {
      const at = new Date(time.dateTime);
      const today = at.toDateString() === new Date().toDateString();
      time.textContent = today ? at.toLocaleTimeString() : at.toLocaleString();
      time.title = time.dateTime;
    }
    for (const button of page.querySelectorAll("button")) {
      button.hidden = false;
    }
    page.getElementById("live").hidden = false;
  }

  // Changes only what differs: focus, selection, scroll position and what a screen reader has read stay.
  function update(old, fresh) {
    if (old.isEqualNode(fresh) || old.dataset?.busy) {
      return;
    }
    if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName || old.id !== fresh.id) {
      old.replaceWith(document.importNode(fresh, true));
      return;
    }
    if (old.nodeType !== Node.ELEMENT_NODE) {
      old.nodeValue = fresh.nodeValue;
      return;
    }
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name)) {
        old.removeAttribute(name);
      }
    }
    for (const { name, value } of fresh.attributes) {
      if (old.getAttribute(name) !== value) {
        old.setAttribute(name, value);
      }
    }
    updateChildren(old, fresh);
  }

  // Children with an id are found again wherever they have moved; others are matched by their place.
  function updateChildren(old, fresh) {
    const wanted = new Set([...fresh.children].map((child) => child.id).filter(Boolean));
    for (const child of [...old.children]) {
      if (child.id && !wanted.has(child.id)) {
        child.remove();
      }
    }
    const known = new Map([...old.children].filter((child) => child.id).map((child) => [child.id, child]));
    let place = old.firstChild;
    for (const child of [...fresh.childNodes]) {
      const same = child.id && known.get(child.id);
      if (same && same !== place) {
        old.insertBefore(same, place);
        place = same;
      }
      if (!place) {
        old.append(document.importNode(child, true));
        continue;
      }
      const next = place.nextSibling;
      if (!same && place.id && place.id !== child.id) {
        old.insertBefore(document.importNode(child, true), place);
        continue;
      }
      update(place, child);
      place = next;
    }
    while (place) {
      const next = place.nextSibling;
      place.remove();
      place = next;
    }
  }

  function say(text) {
    said.textContent = "";
    said.textContent = text;
  }

  function found(text) {
    const page = new DOMParser().parseFromString(text, "text/html");
    const main = page.querySelector("main");
    if (!main) {
      throw new Error("this is not the proxy's page");
    }
    prepare(page);
    document.title = page.title;
    update(document.querySelector("link[rel=icon]"), page.querySelector("link[rel=icon]"));
    update(document.querySelector("main"), main);
    update(document.querySelector("footer"), page.querySelector("footer"));
    update(document.querySelector("header"), page.querySelector("header"));
    lastSeen = new Date();
    if (!lost.hidden) {
      lost.hidden = true;
      lost.textContent = "";
      document.body.classList.remove("is-lost");
    }
  }

  function missed() {
    document.getElementById("live").hidden = true;
    if (lost.hidden) {
      const strong = document.createElement("strong");
      strong.textContent = "The proxy does not answer.";
      lost.replaceChildren(strong, ` What you see is from ${lastSeen.toLocaleTimeString()}.`);
      lost.hidden = false;
      document.body.classList.add("is-lost");
    }
  }

  async function look() {
    try {
      const answer = await fetch(location.pathname, {
        headers: { accept: "text/html" },
        cache: "no-store",
        signal: AbortSignal.timeout(PATIENCE),
      });
      if (!answer.ok) {
        throw new Error(`${answer.status}`);
      }
      found(await answer.text());
    } catch {
      missed();
    }
  }

  async function follow() {
    clearTimeout(timer);
    timer = -1;
    if (!document.hidden) {
      await look();
      timer = setTimeout(follow, EVERY);
    } else {
      timer = 0;
    }
  }

  // Where the clipboard is out of reach (no https, another host's name), the text is selected at least.
  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text.textContent);
      return true;
    } catch {
      getSelection().selectAllChildren(text);
      return document.execCommand("copy");
    }
  }

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-copies]");
    if (!button || button.dataset.busy) {
      return;
    }
    const label = button.textContent;
    const copied = await copy(document.getElementById(button.dataset.copies));
    button.dataset.busy = "yes";
    button.textContent = copied ? "Copied" : "Selected";
    say(copied ? "Copied." : "Selected: copy it with the keyboard.");
    setTimeout(() => {
      button.textContent = label;
      delete button.dataset.busy;
      say("");
    }, 2000);
  });

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && timer !== -1) {
      follow();
    }
  });
  prepare(document);
  timer = setTimeout(follow, EVERY);
})();
