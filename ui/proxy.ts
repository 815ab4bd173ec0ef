/** The console in front of a server that runs elsewhere: for `npm run dev`, `npm run preview`, and specs of a console that is in no binary yet. */
import type { ProxyOptions } from 'vite'

const PATHS = ['/api', '/apis', '/openapi', '/version', '/ping', '/k8s', '/v1', '/v3', '/v1-public', '/v3-public']

export function proxyTo(target: string): Record<string, ProxyOptions> {
  const options: ProxyOptions = {
    target,
    secure: false,
    changeOrigin: false,
    configure: (proxy) => {
      // A watch without news is open as soon as the server says so; the proxy would wait for the first event.
      proxy.on('proxyRes', (_answer, _request, response) => setImmediate(() => 'flushHeaders' in response && response.flushHeaders()))
    },
  }
  return Object.fromEntries(PATHS.map((path) => [path, options]))
}
