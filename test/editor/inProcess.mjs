// Runs the suite inside VS Code's extension host, and does for it what only a hand can do: click, type, look.
import { createServer } from 'node:http';
import { join } from 'node:path';
import { startBrowser, startCodeServer } from '../../tools/real-vscode.mjs';

/** The whole suite; a test that hangs has its own, shorter, limit. */
const suiteTimeoutMs = 10 * 60_000;
const startTimeoutMs = 160_000;

/**
 * @param {object} options `extension` and `suite`: paths on this machine, for an extension host with Node; or `web`: given
 *   the hand's and VS Code's addresses, it tells the addresses from which an extension host in the browser loads them
 * @returns {Promise<string>} what VS Code logged, for debugging
 * @throws Error when VS Code does not come up, ends before the suite does, or takes too long
 */
export async function runInProcess(options) {
  const { userData, extensions, workspace, extension, suite, web, report, grep, screenshots } = options;
  const log = [];
  const hand = await startHand({ report, screenshots });
  const server = await startCodeServer({
    userData,
    extensions,
    env: { RESTORABLE_EDITOR_HAND: hand.url, RESTORABLE_EDITOR_GREP: grep, RESTORABLE_EDITOR_WORKSPACE: workspace },
  });
  const browser = await startBrowser();
  try {
    const page = browser.context.pages()[0] ?? (await browser.context.newPage());
    hand.page = page;
    const exited = new Promise((resolve, reject) => {
      page.on('crash', () => reject(new Error('the page of VS Code crashed')));
      void page.exposeFunction('codeAutomationExit', (code) => resolve(code));
    });
    await page.exposeFunction('codeAutomationLog', (type, args) => log.push(`[${type}] ${args.map(String).join(' ')}`));
    const { host, href } = new URL(server.url);
    const onMachine = (path) => ({ scheme: 'vscode-remote', authority: host, path });
    const fromWeb = (url) => ({ scheme: 'http', authority: host, path: new URL(url).pathname });
    const inWeb = await web?.({ hand: hand.url, server: href });
    await page.addInitScript(developmentOptions, {
      extension: inWeb ? fromWeb(inWeb.extension) : onMachine(extension),
      suite: inWeb ? fromWeb(inWeb.suite) : onMachine(suite),
    });
    page.on('console', (message) => log.push(`[page ${message.type()}] ${message.text()}`));

    await page.goto(`${server.url}?folder=${encodeURIComponent(workspace)}`, { timeout: startTimeoutMs });
    await within(startTimeoutMs, hand.started, 'the suite did not start');
    const code = await within(suiteTimeoutMs, exited, 'the suite did not end');
    if (!hand.isDone()) throw new Error(`VS Code's extension host ended with ${code} before the suite did`);
    return log.join('\n');
  } catch (error) {
    const tail = [...log.slice(-40), ...server.output().split('\n').slice(-20)].join('\n');
    throw new Error(`${error.message}\n${tail}`, { cause: error });
  } finally {
    await browser.close();
    await server.stop();
    hand.close();
  }
}

/** Puts the test's locations into the options that the page is about to read. Runs in the page before any script of its own. */
function developmentOptions({ extension, suite }) {
  const uri = (parts) => ({ $mid: 1, ...parts });
  new MutationObserver((_, observer) => {
    const meta = document.getElementById('vscode-workbench-web-configuration');
    const settings = meta?.getAttribute('data-settings');
    if (!settings) return;
    observer.disconnect();
    meta.setAttribute(
      'data-settings',
      JSON.stringify({
        ...JSON.parse(settings),
        developmentOptions: { extensions: [uri(extension)], extensionTestsPath: uri(suite), logLevel: 3 },
      }),
    );
  }).observe(document, { childList: true, subtree: true });
}

/** An HTTP server that the suite asks for a click, a key stroke or a look, and tells its results. */
async function startHand({ report, screenshots }) {
  let start;
  let isDone = false;
  const state = { started: new Promise((resolve) => (start = resolve)), page: undefined, isDone: () => isDone };
  const actions = {
    started: () => start(),
    result: (result) => report(result),
    /** For people to read: no test judges a time. */
    measured: ({ text }) => console.log(text),
    done: () => {
      isDone = true;
    },
    click: ({ selector, button, modifiers }) =>
      state.page.locator(selector).first().click({ button, modifiers, timeout: 60_000 }),
    hover: ({ selector }) => state.page.locator(selector).first().hover({ timeout: 60_000 }),
    fill: ({ selector, text }) => state.page.locator(selector).first().fill(text, { timeout: 60_000 }),
    value: ({ selector }) => state.page.locator(selector).first().inputValue({ timeout: 60_000 }),
    press: ({ key }) => state.page.keyboard.press(key),
    type: ({ text }) => state.page.keyboard.type(text, { delay: 10 }),
    waitFor: ({ selector, state: wanted = 'visible', timeoutMs = 60_000 }) =>
      state.page.locator(selector).first().waitFor({ state: wanted, timeout: timeoutMs }),
    text: ({ selector }) => state.page.locator(selector).allInnerTexts(),
    /** The text of every frame: webviews are frames in frames. */
    frames: async () =>
      (
        await Promise.all(
          state.page.frames().map((frame) => frame.evaluate(() => document.body?.innerText ?? '').catch(() => '')),
        )
      ).filter(Boolean),
    screenshot: async ({ name }) => {
      if (screenshots) await state.page.screenshot({ path: join(screenshots, `${name}.png`) });
    },
  };
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', async () => {
      // A suite in the browser comes from another address.
      response.setHeader('Access-Control-Allow-Origin', '*');
      try {
        const { action, ...args } = JSON.parse(body);
        const value = await actions[action](args);
        response.end(JSON.stringify({ value: value ?? null }));
      } catch (error) {
        response.statusCode = 500;
        response.end(JSON.stringify({ error: error.message }));
      }
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  state.url = `http://127.0.0.1:${server.address().port}/`;
  state.close = () => server.close();
  return state;
}

function within(timeoutMs, promise, what) {
  let timer;
  const timeout = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} within ${timeoutMs / 1_000} s`)), timeoutMs);
  });
  return Promise.race([promise, timeout]).finally(() => clearTimeout(timer));
}
