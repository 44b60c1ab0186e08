// Open a page in a headless Chromium and tell what it says.
//
// usage: node browser.mjs CHROMIUM FLAG... URL
// stdout: {"answers": what the page leaves in `globalThis.answers`, "requests": every address it asked for}
//
// Speaks the DevTools protocol through a pipe, so that no port is opened and no package is needed.

import { spawn } from 'node:child_process';

const [program, ...flags] = process.argv.slice(2);
const url = flags.pop();
const browser = spawn(program, [...flags, '--remote-debugging-pipe', 'about:blank'], {
  // A group of its own: the program may be a script that waits for the real one.
  detached: true,
  stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
});
const [, , , commands, events] = browser.stdio;
const ended = new Promise((_, reject) => {
  browser.once('error', reject);
  browser.once('exit', (code) => reject(new Error(`Chromium ended with ${code}`)));
});
ended.catch(() => {});
// What cannot be written any more has its reason in how Chromium ended.
commands.on('error', () => {});
const late = setTimeout(() => end(new Error('Chromium took too long')), 90_000);

function end(error) {
  clearTimeout(late);
  try {
    process.kill(-browser.pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
  if (error) process.stderr.write(`${error.stack}\n`);
  process.exit(error ? 1 : 0);
}

const requests = [];
const replies = new Map();
let loaded;
const page = new Promise((resolve) => (loaded = resolve));
let pending = '';
events.setEncoding('utf8');
events.on('data', (chunk) => {
  const messages = (pending + chunk).split('\0');
  pending = messages.pop();
  for (const { id, method, params, result, error } of messages.map((m) => JSON.parse(m))) {
    if (method === 'Page.loadEventFired') loaded();
    if (method === 'Network.requestWillBeSent') requests.push(params.request.url);
    if (error) replies.get(id)?.reject(new Error(error.message));
    else replies.get(id)?.resolve(result);
  }
});

function send(method, params = {}, sessionId = undefined) {
  const id = replies.size + 1;
  const reply = new Promise((resolve, reject) => replies.set(id, { resolve, reject }));
  commands.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
  return Promise.race([reply, ended]);
}

async function ask() {
  const { targetId } = await send('Target.createTarget', { url: 'about:blank' });
  const { sessionId } = await send('Target.attachToTarget', { targetId, flatten: true });
  await send('Page.enable', {}, sessionId);
  await send('Network.enable', {}, sessionId);
  const { errorText } = await send('Page.navigate', { url }, sessionId);
  if (errorText) throw new Error(errorText);
  await Promise.race([page, ended]);
  const expression = 'globalThis.answers ?? Promise.reject(new Error("the page has no answers"))';
  const { result, exceptionDetails } = await send(
    'Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true }, sessionId,
  );
  if (exceptionDetails) throw new Error(JSON.stringify(exceptionDetails));
  return { answers: result.value, requests };
}

ask().then((visit) => process.stdout.write(JSON.stringify(visit), () => end()), end);
