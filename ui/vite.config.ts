import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import vue from '@vitejs/plugin-vue'
import { defineConfig, type ProxyOptions } from 'vite'

/** The server that `npm run dev` and `npm run preview` put the console in front of. */
const server = process.env['GRANGE_URL'] ?? 'https://127.0.0.1:8443'
/** A folder with server.crt and server.key; with it the browser gets HTTP/2, without which six watches fill every connection. */
const tlsFolder = process.env['GRANGE_TLS']
const https = tlsFolder
  ? { cert: readFileSync(join(tlsFolder, 'server.crt')), key: readFileSync(join(tlsFolder, 'server.key')) }
  : undefined

const upstream: ProxyOptions = { target: server, secure: false, changeOrigin: true }
const proxy = Object.fromEntries(
  ['/api', '/apis', '/openapi', '/version', '/ping', '/k8s', '/v1', '/v3', '/v1-public', '/v3-public'].map(
    (path) => [path, upstream],
  ),
)

export default defineConfig({
  base: '/dashboard/',
  plugins: [vue()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  define: { __VUE_OPTIONS_API__: 'false', __VUE_PROD_DEVTOOLS__: 'false' },
  build: {
    target: 'es2023',
    // Every asset is a file of its own: the Content-Security-Policy allows data: for nothing but images.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: { proxy, https, strictPort: true },
  preview: { proxy, https, strictPort: true },
})
