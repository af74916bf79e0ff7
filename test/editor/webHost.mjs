// The extension without Node in a real VS Code: its files come over HTTP, as from a gallery, and it runs in the Web Worker
// that is the extension host of VS Code in a browser. The workspace is read through VS Code's file systems only.
import { createReadStream, existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { runInProcess } from './inProcess.mjs';

const here = dirname(fileURLToPath(import.meta.url));

const TYPES = { '.js': 'text/javascript', '.json': 'application/json', '.svg': 'image/svg+xml' };

/** As `runInProcess`, with the suite `webSuite` in the browser's extension host. */
export async function runInWebHost({ home, extension, ...options }) {
  const suite = join(home.userData, 'webSuite.js');
  const files = await serve((path) =>
    path === '/extension/webSuite.js' ? suite : path.startsWith('/extension/') ? join(extension, path.slice(10)) : '',
  );
  try {
    return await runInProcess({
      ...home,
      ...options,
      async web({ hand, server }) {
        await buildSuite(suite, { hand, grep: options.grep });
        // code-server's own proxy: the page may only load what comes from its own address.
        const address = `${server}proxy/${files.port}/extension`;
        // Below the extension's address, so that it is loaded where the extension is.
        return { extension: address, suite: `${address}/webSuite.js` };
      },
    });
  } finally {
    files.close();
  }
}

function buildSuite(outfile, { hand, grep }) {
  return build({
    entryPoints: [join(here, 'webSuite', 'index.ts')],
    outfile,
    bundle: true,
    platform: 'browser',
    target: 'es2022',
    format: 'cjs',
    external: ['vscode'],
    define: {
      'process.env.RESTORABLE_EDITOR_HAND': JSON.stringify(hand),
      'process.env.RESTORABLE_EDITOR_GREP': JSON.stringify(grep),
    },
    logLevel: 'warning',
  });
}

/** @param fileOf the file for a path; empty for none */
async function serve(fileOf) {
  const server = createServer((request, response) => {
    const file = fileOf(normalize(decodeURIComponent(new URL(request.url, 'http://localhost').pathname)));
    if (file === '' || !existsSync(file)) {
      response.statusCode = 404;
      response.end();
      return;
    }
    response.setHeader('Content-Type', TYPES[extname(file)] ?? 'application/octet-stream');
    response.setHeader('Access-Control-Allow-Origin', '*');
    createReadStream(file).pipe(response);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: server.address().port,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
