"use strict";
/* The Earth–Moon view: an orthographic renderer on a 2D canvas. Lengths are km, times seconds past data.begin. */
(() => {
  const block = document.getElementById("orbits");
  const box = document.getElementById("viewer");
  if (!block || !box) return;
  const data = JSON.parse(block.textContent);
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;
  const points = new Int16Array(bytes(data.points));
  const times = new Uint16Array(bytes(data.times));
  const moon = new Float32Array(bytes(data.moon));
  const $ = (id) => document.getElementById(id);
  const canvas = $("v-canvas"), tip = $("v-tip"), pick = $("v-flight"), slider = $("v-time"), out = $("v-date");
  const DAY = 86400, L = 384400, RE = 6371, RM = 1737.4, DEG = Math.PI / 180;
  const J2000_MS = Date.UTC(2000, 0, 1, 12) - 69184;

  /* Moon: cubic through the daily positions, with five-point slopes. */
  const days = moon.length / 3;
  function moonAt(t, r, v) {
    let u = (t - data.moonBegin) / DAY;
    let i = Math.max(2, Math.min(days - 4, Math.floor(u)));
    const s = u - i, s2 = s * s, s3 = s2 * s;
    for (let k = 0; k < 3; k++) {
      const p = (j) => moon[(i + j) * 3 + k];
      const m0 = (8 * (p(1) - p(-1)) - (p(2) - p(-2))) / 12, m1 = (8 * (p(2) - p(0)) - (p(3) - p(-1))) / 12;
      r[k] = (2 * s3 - 3 * s2 + 1) * p(0) + (s3 - 2 * s2 + s) * m0 + (3 * s2 - 2 * s3) * p(1) + (s3 - s2) * m1;
      v[k] = (6 * s2 - 6 * s) * (p(0) - p(1)) + (3 * s2 - 4 * s + 1) * m0 + (3 * s2 - 2 * s) * m1;
    }
  }
  const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
  const norm = (a) => Math.hypot(a[0], a[1], a[2]);
  const unit = (a) => { const n = norm(a) || 1; return [a[0] / n, a[1] / n, a[2] / n]; };
  const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
  const mr = [0, 0, 0], mv = [0, 0, 0];
  function axesAt(t) {
    moonAt(t, mr, mv);
    const x = unit(mr), z = unit(cross(mr, mv));
    return [x, cross(z, x), z, norm(mr)];
  }
  /* Direction to the Sun, to about a degree (mean longitude and centre, J2000 equator). */
  function sunAt(t) {
    const d = (data.begin + t) / DAY, g = (357.529 + 0.98560028 * d) * DEG;
    const l = (280.459 + 0.98564736 * d + 1.915 * Math.sin(g)) * DEG, e = 23.439 * DEG;
    return [Math.cos(l), Math.cos(e) * Math.sin(l), Math.sin(e) * Math.sin(l)];
  }

  /* View state */
  let frame = "rot", focus = "both", chosen = -1, now = 0, yaw = 0, pitch = 0, zoom = 1, panX = 0, panY = 0;
  let scene = null, near = 9000, local = 60000, width = 0, height = 0, playing = 0, hover = null, colours = {};

  function place(head, i, result) {
    const [, , near, t0, span, scale, offset] = head, n = offset + i;
    const t = t0 + (times[n] / 65535) * span, k = scale / 1000;
    const p = [points[3 * n] * k, points[3 * n + 1] * k, points[3 * n + 2] * k];
    put(p, near, t, result);
    return t;
  }
  /* From a position about its own body to the scene, which is Earth-centred, or Moon-centred where asked. */
  function put(p, near, t, result) {
    if (frame === "rot") {
      const [x, y, z, d] = axesAt(t), q = [dot(p, x), dot(p, y), dot(p, z)];
      result[0] = near ? q[0] + L : q[0] + Math.min(1, Math.max(0, q[0] / d / 0.8)) * (L - d);
      result[1] = q[1]; result[2] = q[2];
      if (focus === "moon") result[0] -= L; else if (focus === "both") result[0] -= L / 2;
    } else {
      moonAt(t, mr, mv);
      const sign = focus === "moon" ? (near ? 0 : -1) : near ? 1 : 0;
      for (let k = 0; k < 3; k++) result[k] = p[k] + sign * mr[k];
    }
  }
  function build() {
    const xyz = new Float32Array(times.length * 3), when = new Float64Array(times.length), r = [0, 0, 0];
    for (const head of data.heads)
      for (let i = 0; i < head[7]; i++) {
        when[head[6] + i] = place(head, i, r);
        xyz.set(r, 3 * (head[6] + i));
      }
    let tall = L * 0.15;
    if (focus === "both" && frame === "rot") for (let j = 0; j < xyz.length; j += 3) tall = Math.max(tall, Math.abs(xyz[j + 1]) * 0.93 + Math.abs(xyz[j + 2]) * 0.4);
    scene = { tall: Math.min(tall, L), xyz, when, xy: new Float32Array(times.length * 2), depth: new Float32Array(times.length) };
  }
  function bodies() {
    const e = [0, 0, 0], m = [0, 0, 0];
    if (frame === "rot") {
      const o = focus === "moon" ? L : focus === "both" ? L / 2 : 0;
      e[0] = -o; m[0] = L - o;
    } else {
      moonAt(now, mr, mv);
      if (focus === "moon") for (let k = 0; k < 3; k++) e[k] = -mr[k]; else for (let k = 0; k < 3; k++) m[k] = mr[k];
    }
    return [{ name: "Earth", r: e, radius: RE }, { name: "Moon", r: m, radius: RM }];
  }
  function matrix() {
    const a = Math.cos(yaw), b = Math.sin(yaw), c = Math.cos(pitch), s = Math.sin(pitch);
    return [[a, -b, 0], [b * s, a * s, c], [b * c, a * c, -s]]; /* right, up, away from the reader */
  }
  /* Everything in sight at first where both bodies are the focus; near one body, its neighbourhood. */
  const scaleNow = () => {
    if (focus !== "both") return (Math.min(width, height * 1.25) / (focus === "moon" ? near : local)) * zoom;
    if (frame !== "rot") return (Math.min(width, height) / (L * 2.25)) * zoom;
    return Math.min(width / (L * 1.25), height / (scene.tall * 2.15)) * zoom;
  };
  const project = (m, k, r) => [width / 2 + panX + dot(m[0], r) * k, height / 2 + panY - dot(m[1], r) * k, dot(m[2], r)];

  function toScene(v) { /* an inertial direction in scene axes */
    if (frame !== "rot") return v;
    const [x, y, z] = axesAt(now);
    return [dot(v, x), dot(v, y), dot(v, z)];
  }
  function disc(g, body, at, k) {
    const radius = Math.max(body.radius * k, body.name === "Earth" ? 3.5 : 2.5);
    g.fillStyle = body.name === "Earth" ? colours.earth : colours.moon;
    g.beginPath(); g.arc(at[0], at[1], radius, 0, 7); g.fill();
    if (radius > 5) {
      const m = matrix(), sun = toScene(sunAt(now)), sx = dot(m[0], sun), sy = -dot(m[1], sun), sz = -dot(m[2], sun);
      /* night side: the half disc away from the Sun, closed by the terminator's ellipse */
      g.save(); g.translate(at[0], at[1]); g.rotate(Math.atan2(sy, sx));
      g.beginPath(); g.arc(0, 0, radius, Math.PI / 2, -Math.PI / 2);
      g.ellipse(0, 0, Math.abs(sz) * radius, radius, 0, -Math.PI / 2, Math.PI / 2, sz > 0);
      g.globalAlpha = 0.22; g.fillStyle = "#000"; g.fill(); g.restore();
    }
    if (radius > 24) grid(g, body, at, radius);
    g.strokeStyle = colours.quiet; g.lineWidth = 0.8; g.beginPath(); g.arc(at[0], at[1], radius, 0, 7); g.stroke();
    return radius;
  }
  function fixed(body) { /* body axes in the scene: the Moon's turn with it (libration left out), the Earth's with its day */
    if (body.name === "Moon") {
      if (frame === "rot") return [[-1, 0, 0], [0, -1, 0], [0, 0, 1]];
      const [x, y, z] = axesAt(now);
      return [x.map((c) => -c), y.map((c) => -c), z];
    }
    const a = (280.46 + 360.98564737 * ((data.begin + now) / DAY)) * DEG, c = Math.cos(a), s = Math.sin(a);
    return [[c, s, 0], [-s, c, 0], [0, 0, 1]].map(toScene);
  }
  function onBody(axes, lat, lon) {
    const a = Math.cos(lat) * Math.cos(lon), b = Math.cos(lat) * Math.sin(lon), c = Math.sin(lat);
    return [0, 1, 2].map((k) => a * axes[0][k] + b * axes[1][k] + c * axes[2][k]);
  }
  function grid(g, body, at, radius) {
    const axes = fixed(body), m = matrix();
    g.strokeStyle = colours.ink; g.globalAlpha = 0.13; g.lineWidth = 0.7; g.beginPath();
    const line = (fn) => {
      let down = false;
      for (let i = 0; i <= 36; i++) {
        const p = fn(i / 36);
        if (dot(m[2], p) > 0) { down = false; continue; }
        const x = at[0] + dot(m[0], p) * radius, y = at[1] - dot(m[1], p) * radius;
        if (down) g.lineTo(x, y); else g.moveTo(x, y);
        down = true;
      }
    };
    for (let lat = -60; lat <= 60; lat += 30) line((u) => onBody(axes, lat * DEG, u * 2 * Math.PI));
    for (let lon = 0; lon < 360; lon += 30) line((u) => onBody(axes, (u - 0.5) * Math.PI, lon * DEG));
    g.stroke(); g.globalAlpha = 1;
  }

  function css() {
    const s = getComputedStyle(document.documentElement);
    for (const name of ["ink", "quiet", "paper", "grid", "earth", "moon"]) colours[name] = s.getPropertyValue("--" + name).trim();
  }
  function hidden(x, y, z, discs) {
    for (const d of discs) if (z > d.z && (x - d.x) * (x - d.x) + (y - d.y) * (y - d.y) < d.r2) return true;
    return false;
  }
  function draw() {
    const ratio = window.devicePixelRatio || 1;
    width = canvas.clientWidth; height = canvas.clientHeight;
    if (!width) return;
    if (canvas.width !== Math.round(width * ratio)) { canvas.width = Math.round(width * ratio); canvas.height = Math.round(height * ratio); }
    const g = canvas.getContext("2d");
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    paint(g);
  }
  function paint(g) {
    const m = matrix(), k = scaleNow(), xyz = scene.xyz, xy = scene.xy, depth = scene.depth;
    g.fillStyle = colours.paper; g.fillRect(0, 0, width, height);
    const list = bodies();
    const discs = list.map((b) => {
      const p = project(m, k, b.r);
      return { x: p[0], y: p[1], z: p[2], r2: Math.max(b.radius * k, 2.5) ** 2, body: b, p };
    });
    const cx = width / 2 + panX, cy = height / 2 + panY, [A, B, C] = m;
    for (let n = 0, j = 0; n < depth.length; n++, j += 3) {
      const x = xyz[j], y = xyz[j + 1], z = xyz[j + 2];
      xy[2 * n] = cx + (A[0] * x + A[1] * y + A[2] * z) * k;
      xy[2 * n + 1] = cy - (B[0] * x + B[1] * y + B[2] * z) * k;
      depth[n] = C[0] * x + C[1] * y + C[2] * z;
    }
    moonTrack(g, m, k);
    discs.sort((a, b) => b.z - a.z);
    for (const d of discs) disc(g, d.body, d.p, k);
    g.lineJoin = "round";
    const paths = (one, alpha, wide) => {
      const groups = new Map();
      for (const head of data.heads) {
        if (one >= 0 ? head[0] !== one : chosen >= 0 && head[0] === chosen) continue;
        const c = data.flights[head[0]].colour;
        if (!groups.has(c)) groups.set(c, []);
        groups.get(c).push(head);
      }
      g.globalAlpha = alpha; g.lineWidth = wide;
      for (const [colour, heads] of groups) {
        g.strokeStyle = colour; g.beginPath();
        for (const head of heads) {
          let down = false;
          for (let n = head[6]; n < head[6] + head[7]; n++) {
            const x = xy[2 * n], y = xy[2 * n + 1];
            if (hidden(x, y, depth[n], discs)) { down = false; continue; }
            if (down) g.lineTo(x, y); else g.moveTo(x, y);
            down = true;
          }
        }
        g.stroke();
      }
      g.globalAlpha = 1;
    };
    if (chosen < 0) paths(-1, data.flights.length > 40 ? 0.4 : 0.6, 1);
    else { paths(-1, 0.07, 0.8); paths(chosen, 1, 1.8); }
    sites(g, m, k, list[1], discs);
    craft(g, m, k, discs);
    g.font = "12px system-ui, sans-serif"; g.textAlign = "center";
    for (const d of discs) label(g, d.body.name, d.x, d.y + Math.sqrt(d.r2) + 16, colours.ink);
    scaleBar(g, k);
  }
  function label(g, text, x, y, colour) {
    g.lineWidth = 3; g.strokeStyle = colours.paper; g.lineJoin = "round"; g.strokeText(text, x, y);
    g.fillStyle = colour; g.fillText(text, x, y);
  }
  function moonTrack(g, m, k) {
    g.strokeStyle = colours.quiet; g.globalAlpha = 0.5; g.lineWidth = 0.8; g.setLineDash([2, 4]); g.beginPath();
    if (frame === "rot") {
      const o = focus === "moon" ? L : focus === "both" ? L / 2 : 0, a = project(m, k, [-o, 0, 0]), b = project(m, k, [L - o, 0, 0]);
      g.moveTo(a[0], a[1]); g.lineTo(b[0], b[1]);
    } else if (focus !== "moon") {
      for (let i = 0; i <= 90; i++) {
        moonAt(now + (i / 90 - 0.5) * 27.3 * DAY, mr, mv);
        const p = project(m, k, mr);
        if (i) g.lineTo(p[0], p[1]); else g.moveTo(p[0], p[1]);
      }
    }
    g.stroke(); g.setLineDash([]); g.globalAlpha = 1;
  }
  function sites(g, m, k, body, discs) {
    if (body.radius * k < 30) return;
    const axes = fixed(body);
    g.font = "11px system-ui, sans-serif"; g.textAlign = "left";
    for (const site of data.sites) {
      const u = onBody(axes, site.lat, site.lon);
      if (dot(m[2], u) > 0.02) continue;
      const p = project(m, k, [0, 1, 2].map((j) => body.r[j] + u[j] * body.radius));
      g.fillStyle = "#c2410c"; g.beginPath(); g.arc(p[0], p[1], 3.5, 0, 7); g.fill();
      label(g, site.name, p[0] + 7, p[1] + 4, colours.ink);
    }
  }
  function craft(g, m, k, discs) {
    g.font = "11px system-ui, sans-serif"; g.textAlign = "left";
    for (const head of data.heads) {
      const [flight, , near, t0, span, scale, offset, count] = head;
      if (now < t0 || now > t0 + span || (chosen >= 0 && flight !== chosen)) continue;
      let i = offset;
      while (i < offset + count - 2 && scene.when[i + 1] < now) i++;
      const u = Math.min(1, Math.max(0, (now - scene.when[i]) / Math.max(1, scene.when[i + 1] - scene.when[i])));
      const q = [0, 1, 2].map((j) => scene.xyz[3 * i + j] * (1 - u) + scene.xyz[3 * i + 3 + j] * u);
      const p = project(m, k, q);
      if (hidden(p[0], p[1], p[2], discs)) continue;
      g.fillStyle = data.flights[flight].colour; g.strokeStyle = colours.paper; g.lineWidth = 1.5;
      g.beginPath(); g.arc(p[0], p[1], 5, 0, 7); g.fill(); g.stroke();
      if (p[0] < width - 140) label(g, data.flights[flight].id, p[0] + 9, p[1] + 4, colours.ink);
      else { g.textAlign = "right"; label(g, data.flights[flight].id, p[0] - 9, p[1] + 4, colours.ink); g.textAlign = "left"; }
    }
  }
  function scaleBar(g, k) {
    const km = [200000, 100000, 50000, 20000, 10000, 5000, 2000, 1000, 500, 200, 100, 50].find((s) => s * k < width * 0.3) || 20;
    const x = 12, y = height - 12, w = km * k;
    g.strokeStyle = colours.quiet; g.lineWidth = 1; g.beginPath();
    g.moveTo(x, y - 4); g.lineTo(x, y); g.lineTo(x + w, y); g.lineTo(x + w, y - 4); g.stroke();
    g.font = "11px system-ui, sans-serif"; g.textAlign = "left";
    label(g, km.toLocaleString("en").replace(/,/g, "\u202f") + "\u202fkm", x + 4, y - 6, colours.quiet);
  }

  let queued = false;
  const redraw = () => { if (!queued) { queued = true; requestAnimationFrame(() => { queued = false; draw(); }); } };
  const span = () => {
    if (chosen < 0) return [2 * DAY, data.end - data.begin - 2 * DAY];
    const own = data.heads.filter((h) => h[0] === chosen);
    return [Math.min(...own.map((h) => h[3])), Math.max(...own.map((h) => h[3] + h[4]))];
  };
  const stamp = (t) => new Date(J2000_MS + (data.begin + t) * 1000).toISOString();
  function setTime(t, fromSlider) {
    const [a, b] = span();
    now = Math.min(b, Math.max(a, t));
    if (!fromSlider) slider.value = String(Math.round(((now - a) / (b - a || 1)) * 10000));
    const text = stamp(now);
    out.textContent = chosen < 0 ? text.slice(0, 10) : text.slice(0, 10) + " " + text.slice(11, 16);
    slider.setAttribute("aria-valuetext", out.textContent);
    redraw();
  }
  function home() {
    zoom = 1; panX = panY = 0; yaw = 0; pitch = focus === "moon" ? -0.3 : local < 60000 ? 0.5 : 1.15;
    redraw();
  }
  /* Controls */
  const all = document.createElement("option");
  all.value = "-1"; all.textContent = "all " + data.flights.length; pick.append(all);
  data.flights.forEach((flight, i) => {
    if (!data.heads.some((h) => h[0] === i)) return;
    const o = document.createElement("option");
    o.value = String(i); o.textContent = flight.id + " · " + flight.operator; o.title = flight.title; pick.append(o);
  });
  pick.addEventListener("change", () => { chosen = Number(pick.value); setTime(span()[0]); });
  $("v-frame").addEventListener("change", (e) => { frame = e.target.value; build(); home(); });
  $("v-focus").addEventListener("change", (e) => { focus = e.target.value; build(); home(); });
  $("v-reset").addEventListener("click", home);
  const middle = () => { const b = canvas.getBoundingClientRect(); return [b.left + width / 2, b.top + height / 2]; };
  $("v-in").addEventListener("click", () => zoomBy(1.5, ...middle()));
  $("v-out").addEventListener("click", () => zoomBy(1 / 1.5, ...middle()));
  slider.addEventListener("input", () => { const [a, b] = span(); setTime(a + (Number(slider.value) / 10000) * (b - a), true); });
  const stop = () => { playing = 0; $("v-play").textContent = "Play"; };
  $("v-play").addEventListener("click", () => {
    if (playing) return stop();
    const [a, b] = span(), rate = (b - a) / (chosen < 0 ? 60 : 12);
    if (now >= b - 1) now = a;
    playing = 1; $("v-play").textContent = "Pause";
    let last = performance.now();
    const step = (t) => {
      if (!playing) return;
      setTime(now + (rate * (t - last)) / 1000); last = t;
      if (now >= b - 1) stop(); else requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  });
  const held = new Map();
  let pinch = 0;
  canvas.addEventListener("pointerdown", (e) => { canvas.setPointerCapture(e.pointerId); held.set(e.pointerId, [e.clientX, e.clientY]); pinch = 0; tip.hidden = true; });
  canvas.addEventListener("pointermove", (e) => {
    const was = held.get(e.pointerId);
    if (!was) return seek(e);
    const dx = e.clientX - was[0], dy = e.clientY - was[1];
    held.set(e.pointerId, [e.clientX, e.clientY]);
    if (held.size === 2) {
      const [a, b] = [...held.values()], size = Math.hypot(a[0] - b[0], a[1] - b[1]);
      if (pinch) zoomBy(size / pinch, (a[0] + b[0]) / 2, (a[1] + b[1]) / 2);
      pinch = size;
    } else if (e.shiftKey || e.buttons & 4) { panX += dx; panY += dy; }
    else { yaw += dx * 0.006; pitch = Math.max(-1.57, Math.min(1.57, pitch + dy * 0.006)); }
    redraw();
  });
  for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, (e) => { held.delete(e.pointerId); pinch = 0; });
  canvas.addEventListener("pointerleave", () => { tip.hidden = true; });
  function zoomBy(factor, clientX, clientY) {
    const box_ = canvas.getBoundingClientRect(), x = clientX - box_.left - width / 2, y = clientY - box_.top - height / 2;
    const next = Math.min(400, Math.max(0.2, zoom * factor)), f = next / zoom;
    panX = x - (x - panX) * f; panY = y - (y - panY) * f; zoom = next;
    redraw();
  }
  canvas.addEventListener("wheel", (e) => {
    if (!(e.ctrlKey || document.activeElement === canvas)) return; /* a page that scrolls stays a page that scrolls */
    e.preventDefault(); zoomBy(Math.exp(-e.deltaY * 0.0015), e.clientX, e.clientY);
  }, { passive: false });
  canvas.addEventListener("click", () => canvas.focus({ preventScroll: true }));
  canvas.addEventListener("keydown", (e) => {
    const [x, y] = middle();
    const done = { ArrowLeft: () => (yaw -= 0.1), ArrowRight: () => (yaw += 0.1), ArrowUp: () => (pitch = Math.max(-1.57, pitch - 0.1)), ArrowDown: () => (pitch = Math.min(1.57, pitch + 0.1)), "+": () => zoomBy(1.2, x, y), "=": () => zoomBy(1.2, x, y), "-": () => zoomBy(1 / 1.2, x, y) }[e.key];
    if (done) { done(); e.preventDefault(); redraw(); }
  });
  function seek(e) {
    const box_ = canvas.getBoundingClientRect(), x = e.clientX - box_.left, y = e.clientY - box_.top, xy = scene.xy;
    let best = 100, hit = null;
    for (const head of data.heads) {
      if (chosen >= 0 && head[0] !== chosen) continue;
      for (let n = head[6]; n < head[6] + head[7]; n++) {
        const d = (xy[2 * n] - x) ** 2 + (xy[2 * n + 1] - y) ** 2;
        if (d < best) { best = d; hit = [head, n]; }
      }
    }
    tip.hidden = !hit;
    if (!hit) return;
    const [head, n] = hit, k = head[5] / 1000, r = Math.hypot(points[3 * n], points[3 * n + 1], points[3 * n + 2]) * k;
    const flight = data.flights[head[0]], high = Math.max(0, Math.round(r - (head[2] ? RM : RE)));
    tip.textContent = `${flight.id} (${flight.operator}), step ${head[1]}, ${stamp(scene.when[n]).slice(0, 16).replace("T", " ")}, ${high.toLocaleString("en").replace(/,/g, "\u202f")}\u202fkm above the ${head[2] ? "Moon" : "Earth"}`;
    tip.style.left = Math.min(x + 12, width - 240) + "px"; tip.style.top = Math.max(4, y - 44) + "px";
  }
  /* SVG export: the same painting on a context that writes paths. */
  $("v-save").addEventListener("click", () => {
    const url = URL.createObjectURL(new Blob([exportSvg()], { type: "image/svg+xml" }));
    const a = document.createElement("a");
    a.href = url; a.download = "earth-moon.svg"; a.click();
    setTimeout(() => URL.revokeObjectURL(url), 2000);
  });
  function exportSvg() {
    const parts = [], esc = (s) => String(s).replace(/[&<>"]/g, (c) => "&#" + c.charCodeAt(0) + ";"), n = (v) => v.toFixed(1);
    const g = {
      d: "", globalAlpha: 1, lineWidth: 1, fillStyle: "", strokeStyle: "", font: "", textAlign: "left", lineJoin: "", dash: "", tf: "", stack: [],
      setLineDash(a) { this.dash = a.join(" "); }, beginPath() { this.d = ""; },
      moveTo(x, y) { this.d += `M${n(x)},${n(y)}`; }, lineTo(x, y) { this.d += `L${n(x)},${n(y)}`; },
      arc(x, y, r, a, b) {
        if (Math.abs(b - a) > 6) { this.d += `M${n(x - r)},${n(y)}a${n(r)},${n(r)} 0 1 0 ${n(2 * r)},0a${n(r)},${n(r)} 0 1 0 ${n(-2 * r)},0Z`; return; }
        this.d += `M${n(x)},${n(y + r)}A${n(r)},${n(r)} 0 0 1 ${n(x)},${n(y - r)}`;
      },
      ellipse(x, y, rx, ry, _, a, b, back) { this.d += `A${n(rx)},${n(ry)} 0 0 ${back ? 0 : 1} ${n(x)},${n(y + ry)}Z`; },
      save() { this.stack.push([this.tf, this.globalAlpha, this.fillStyle]); }, restore() { [this.tf, this.globalAlpha, this.fillStyle] = this.stack.pop(); },
      translate(x, y) { this.tf += `translate(${n(x)} ${n(y)})`; }, rotate(a) { this.tf += `rotate(${(a / DEG).toFixed(2)})`; },
      add(attributes) { if (this.d) parts.push(`<path d="${this.d}" ${attributes} opacity="${this.globalAlpha}"${this.tf ? ` transform="${this.tf}"` : ""}/>`); },
      stroke() { this.add(`fill="none" stroke="${this.strokeStyle}" stroke-width="${this.lineWidth}"${this.dash ? ` stroke-dasharray="${this.dash}"` : ""}`); },
      fill() { this.add(`fill="${this.fillStyle}"`); },
      fillRect(x, y, w, h) { parts.push(`<rect x="${x}" y="${y}" width="${w}" height="${h}" fill="${this.fillStyle}"/>`); },
      text(s, x, y, more) { parts.push(`<text x="${n(x)}" y="${n(y)}" font-family="sans-serif" font-size="${parseInt(this.font, 10)}" text-anchor="${{ center: "middle", right: "end" }[this.textAlign] || "start"}" ${more}>${esc(s)}</text>`); },
      strokeText(s, x, y) { this.text(s, x, y, `fill="none" stroke="${this.strokeStyle}" stroke-width="3" stroke-linejoin="round"`); },
      fillText(s, x, y) { this.text(s, x, y, `fill="${this.fillStyle}"`); },
    };
    paint(g);
    const mark = document.querySelector('meta[name="moonvillage-release"]');
    if (mark) parts.push(`<text x="${width - 6}" y="${height - 5}" text-anchor="end" font-family="sans-serif" font-size="9" fill="#63707d">${esc(mark.content)}</text>`);
    return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">${parts.join("")}</svg>`;
  }
  /* Begin */
  /* A halo near the Moon wants more room than a low orbit. */
  const lowest = data.heads.filter((h) => h[2]).map((h) => {
    let least = Infinity;
    for (let n = h[6]; n < h[6] + h[7]; n++) least = Math.min(least, (Math.hypot(points[3 * n], points[3 * n + 1], points[3 * n + 2]) * h[5]) / 1000);
    return least;
  });
  near = Math.max(8000, Math.min(150000, 3.2 * Math.max(0, ...lowest)));
  /* Flights that never leave the neighbourhood of the Earth are looked at there. */
  if (!lowest.length) {
    let far = 0;
    for (const h of data.heads) far = Math.max(far, (32767 * 1.2 * h[5]) / 1000);
    if (far < 150000) { focus = "earth"; local = Math.max(18000, 2.6 * far); frame = "in"; $("v-focus").value = focus; $("v-frame").value = frame; }
  }
  css(); build();
  box.hidden = false; $("way-static").hidden = true;
  home(); setTime(span()[0]);
  new ResizeObserver(redraw).observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { css(); redraw(); });
  draw();
  box.dataset.ready = "true";
  box.exportSvg = exportSvg; /* for tests and for the curious at the console */
  box.moonAt = (t) => { moonAt(t, mr, mv); return [...mr]; };
})();
