/** The server's own settings that the console shows: its address and version. */
import { request } from './http'

interface Setting {
  value: string
  source?: string
}

export const readSetting = (name: string): Promise<Setting> => request<Setting>(`/v3/settings/${name}`)

export const writeSetting = (name: string, value: string): Promise<Setting> =>
  request<Setting>(`/v3/settings/${name}`, { method: 'PUT', body: { value } })

export type UrlDoubt = 'loopback' | 'private' | 'insecure' | 'path' | 'invalid'

/** What is doubtful about an address that clusters elsewhere are to reach. `private` may be right in one building. */
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
  if (host === 'localhost' || host.endsWith('.localhost') || host.startsWith('127.') || host === '::1' || host === '0.0.0.0') return 'loopback'
  if (/^(10\.|192\.168\.|169\.254\.|172\.(1[6-9]|2\d|3[01])\.)/.test(host) || /^(fe80|fc|fd)[0-9a-f]*:/i.test(host)) return 'private'
  return null
}
