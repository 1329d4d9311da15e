// Draws the map of tiers. Places come from the server; the table below the map says the same.

const frame = document.getElementById("map");
const told = document.getElementById("map-told");
const wait = document.getElementById("map-wait");
const words = JSON.parse(frame.dataset.words);
const css = getComputedStyle(document.documentElement);
const colour = (name) => css.getPropertyValue(name).trim();
const COLOURS = { A: "--map-a", B: "--map-b", C: "--map-c", D: "--map-d", E: "--map-e", unseen: "--map-unseen", none: "--map-unseen" };

function label([id, tier, band, claimed, evidenced, undisclosed], { bands, names }) {
  if (tier === 0) return words.you;
  const letter = bands[band].length === 1 ? bands[band] : words.unseen;
  const index = claimed === null ? "–" : `[${letter}] ${claimed.toFixed(1)}–${evidenced.toFixed(1)}`;
  const hidden = undisclosed ? ` (${words.undisclosed} ${undisclosed})` : "";
  return `${names[id] ?? words.masked} ${index}${hidden}`;
}

function reach({ nodes }) {
  return Math.max(1, ...nodes.map((row) => Math.hypot(row[6], row[7])));
}

function graphOf(data) {
  const { bands, nodes, edges } = data;
  const graph = new graphology.Graph({ type: "directed", allowSelfLoops: true });
  const dots = Object.fromEntries(bands.map((band) => [band, colour(COLOURS[band])]));
  const widest = reach(data);
  // As large as the places allow without lying on each other (they are one unit apart).
  const size = Math.min(8, Math.max(1.2, (Math.min(frame.clientWidth, frame.clientHeight) / 2 / widest) * 0.45));
  nodes.forEach((row, number) => {
    const you = row[1] === 0;
    graph.addNode(number, {
      x: row[6],
      y: row[7],
      size: you ? 9 : size,
      color: you ? colour("--accent") : dots[bands[row[2]]],
      label: label(row, data),
    });
  });
  for (const [from, to] of edges) graph.addDirectedEdge(from, to);
  return graph;
}

function choose(number, data) {
  const row = data.nodes[number];
  told.replaceChildren(`${label(row, data)} · ${row[1] ? `Tier ${row[1]} ` : ""}`);
  if (!row[1]) return;
  const link = document.createElement("a");
  link.href = `/risk/suppliers/${encodeURIComponent(row[0])}`;
  link.textContent = words.open;
  told.append(link);
}

async function draw() {
  performance.mark("map-begun");
  wait.hidden = false;
  const answer = await fetch("/risk/map/data", { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(String(answer.status));
  const data = await answer.json();
  // A hidden frame has no size to draw in.
  wait.hidden = true;
  document.getElementById("map-part").hidden = false;
  const graph = graphOf(data);
  const ink = { color: colour("--ink") };
  const map = new Sigma(graph, frame, {
    labelColor: ink,
    defaultEdgeColor: colour("--map-line"),
    // Lines of one pixel are a third of the work of rectangles.
    edgeProgramClasses: { line: Sigma.rendering.EdgeLineProgram },
    labelFont: css.fontFamily,
    labelSize: 12,
    labelRenderedSizeThreshold: graph.order > 200 ? 7 : 0,
    labelDensity: graph.order > 200 ? 0.4 : 1,
    hideEdgesOnMove: graph.size > 4_000,
    defaultDrawNodeHover: hover,
  });
  // Whoever asks stays in the middle, on whichever side its suppliers are.
  const all = [-reach(data), reach(data)];
  map.setCustomBBox({ x: all, y: all });
  map.on("clickNode", ({ node }) => choose(Number(node), data));
  const camera = map.getCamera();
  const press = (name, act) => document.querySelector(`[data-map=${name}]`).addEventListener("click", act);
  press("in", () => camera.animatedZoom({ duration: 200 }));
  press("out", () => camera.animatedUnzoom({ duration: 200 }));
  press("whole", () => camera.animatedReset({ duration: 200 }));
  requestAnimationFrame(() => {
    performance.mark("map-drawn");
    frame.dataset.drawn = String(graph.order);
  });
}

// A label lies on whatever is drawn there; the chosen one gets a ground of its own.
function hover(context, node, settings) {
  const size = settings.labelSize;
  context.font = `${size}px ${settings.labelFont}`;
  context.fillStyle = colour("--paper");
  context.fillRect(node.x + node.size, node.y - size, context.measureText(node.label).width + 10, size * 2);
  context.fillStyle = colour("--ink");
  context.fillText(node.label, node.x + node.size + 5, node.y + size / 3);
}

draw().catch(() => {
  wait.hidden = true;
  document.getElementById("map-part").hidden = true;
  document.getElementById("map-gone").hidden = false;
});
