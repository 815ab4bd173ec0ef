/** The server's own settings that the console shows: its address and version. */
import { request } from './http'

interface Setting {
  value: string
  source?: string
}

export const readSetting = (name: string): Promise<Setting> => request<Setting>(`/v3/settings/${name}`)

export const writeSetting = (name: string, value: string): Promise<Setting> =>
  request<Setting>(`/v3/settings/${name}`, { method: 'PUT', body: { value } })

/** The first five cannot be used elsewhere (as the server judges them too), the last three cannot be used at all. */
export type UrlDoubt = 'loopback' | 'unspecified' | 'linkLocal' | 'singleLabel' | 'multicastName' | 'insecure' | 'path' | 'invalid'

/** What is doubtful about an address that clusters elsewhere are to reach. */
export function doubtOf(text: string): UrlDoubt | null {
  let url: URL
  try {
    url = new URL(text)
  } catch {
    return 'invalid'
  }
  if (!/^https?:$/.test(url.protocol)) return 'invalid'
  if (url.protocol === 'http:') return 'insecure'
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') return 'path'
  const host = url.hostname.replace(/^\[|\]$/g, '')
  if (host === 'localhost' || host.endsWith('.localhost') || host.startsWith('127.') || host === '::1') return 'loopback'
  if (host === '0.0.0.0' || host === '::') return 'unspecified'
  if (host.startsWith('169.254.') || /^fe[89ab][0-9a-f]:/.test(host)) return 'linkLocal'
  if (host.endsWith('.local')) return 'multicastName'
  return host.includes('.') || host.includes(':') ? null : 'singleLabel'
}
