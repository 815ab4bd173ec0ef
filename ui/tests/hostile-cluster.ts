/** A cluster that means harm, or is broken: its answers are changed on their way into the browser. */
import type { Page, Route } from '@playwright/test'

/** Markup, scripts, templates and addresses that do something when they are believed. */
export const EVIL = [
  '"><img src=x onerror="window.hurt=1">',
  '<script>window.hurt=1</script>',
  '</textarea><svg onload="window.hurt=1">',
  "{{constructor.constructor('window.hurt=1')()}}",
  'javascript:window.hurt=1',
  '<style>*{display:none}</style><base href="https://evil.example.org/">',
  '\u202Egpj.exe \u0000\u0007 𝕳𝖔𝖗𝖘𝖊 ' + 'A'.repeat(5000),
]

type Json = string | number | boolean | null | Json[] | { [key: string]: Json }
interface Item {
  metadata: { [key: string]: Json }
  [key: string]: Json
}

/** What the console needs to know which object is meant. */
const IDENTITY = new Set(['name', 'namespace', 'uid', 'resourceVersion', 'creationTimestamp', 'kind', 'apiVersion'])

/** The same choice for the same place, so that what fails once fails again. */
function choose(place: string, count: number): number {
  let hash = 7
  for (const letter of place) hash = (hash * 31 + letter.charCodeAt(0)) % 1_000_003
  return hash % count
}

/** Every text is something that wants to be more than text. */
function poison(value: Json, place: string, key = ''): Json {
  if (typeof value === 'string') return IDENTITY.has(key) ? value : (EVIL[choose(place, EVIL.length)] ?? '')
  if (Array.isArray(value)) return value.map((part, at) => poison(part, `${place}/${at}`, key))
  if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, poison(part, `${place}/${name}`, name)]))
  return value
}

/** A value that is something else than it should be. */
function twist(value: Json, place: string, key = ''): Json {
  if (IDENTITY.has(key)) return value
  return [null, 42, [null, 'text', 7, { name: null }], { name: 12, items: null, status: [] }, 'text'][choose(place, 5)] ?? null
}

/** Twists what is `depth` levels in. */
function twistAt(value: Json, depth: number, place: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => {
      const inside = `${place}/${name}`
      return [name, IDENTITY.has(name) ? part : depth === 0 ? twist(part, inside, name) : twistAt(part, depth - 1, inside)]
    }),
  )
}

/** What becomes of each object: poisoned, cut down to its name, wrong at the top, one, two and three levels in. */
export const VARIANTS = 6
const SUFFIX = /-v([1-5])$/

function harm(item: Item, variant: number): Item {
  const { metadata, ...rest } = item
  const name = String(metadata['name'])
  const evil = { ...metadata, labels: { [EVIL[0] ?? '']: EVIL[1] ?? '' }, annotations: { 'field.cattle.io/description': EVIL[0] ?? '', [EVIL[2] ?? '']: EVIL[3] ?? '', 'harvesterhci.io/host-console-url': 'javascript:window.hurt=1' } }
  switch (variant) {
    case 0:
      return { ...(poison(rest, name) as object), metadata: { ...evil, labels: { ...(poison(metadata['labels'] ?? {}, name) as object), ...evil.labels } } }
    case 1:
      return { apiVersion: rest['apiVersion'] ?? '', kind: rest['kind'] ?? '', metadata: evil }
    case 2:
      return { ...(twistAt(rest, 0, name) as object), metadata: { ...metadata, labels: 'text', annotations: [1, 2], ownerReferences: 'nobody', finalizers: 7, creationTimestamp: 'yesterday' } }
    default:
      return { ...(twistAt(rest, variant - 2, name) as object), metadata: { ...metadata, labels: null, annotations: { a: 1, b: null, c: {} }, ownerReferences: [null, {}, { kind: EVIL[0] ?? '' }] } }
  }
}

function variantOf(item: Item, variant: number): Item {
  const { name, uid } = item.metadata
  return harm(variant === 0 ? item : { ...item, metadata: { ...item.metadata, name: `${String(name)}-v${variant}`, uid: `${String(uid)}-v${variant}` } }, variant)
}

/** An object whose very name does not let itself be believed. */
const misnamed = ({ metadata, ...rest }: Item): Item => ({ ...rest, metadata: { ...metadata, name: `../..${EVIL[0] ?? ''}`, uid: `${String(metadata['uid'])}-name` } })

/** A group of kinds that no cluster serves. */
const EVIL_GROUP = {
  metadata: { name: `x.${EVIL[0] ?? ''}` },
  versions: [{ version: EVIL[1], resources: [{ resource: EVIL[0], scope: 'Namespaced', responseKind: { kind: EVIL[1] }, verbs: ['list', 'get'] }, { resource: null, verbs: 'all' }, null] }, null],
}

/** What is needed to get anywhere at all is left as it is. */
const KEEPS = /\/(namespaces|customresourcedefinitions)(\?|$)|\/(apis|openapi)\/authorization/
const MAX_ITEMS = 40

/** Answers of the cluster are changed on their way into the browser: lists six times over, single objects too. */
export async function corrupt(page: Page): Promise<void> {
  await page.route(/\/k8s\/clusters\/[^/]+\/apis?(\/|\?|$)/, async (route: Route) => {
    const request = route.request()
    const url = new URL(request.url())
    if (request.method() !== 'GET' || url.searchParams.has('watch') || KEEPS.test(request.url())) return route.continue()
    // A variant is asked for by its name: the cluster only knows the original.
    const selector = url.searchParams.get('fieldSelector') ?? ''
    const variant = Number((SUFFIX.exec(selector) ?? SUFFIX.exec(url.pathname))?.[1] ?? 0)
    if (variant > 0) {
      if (SUFFIX.test(selector)) url.searchParams.set('fieldSelector', selector.replace(SUFFIX, ''))
      url.pathname = url.pathname.replace(SUFFIX, '')
    }
    const response = await route.fetch({ url: url.href })
    const body = (await response.json().catch(() => null)) as { items?: Item[]; kind?: string; metadata?: Item['metadata']; resources?: unknown } | null
    if (!response.ok() || !body || body.resources) return route.fulfill({ response })
    // What the cluster serves stays, and a little more comes with it.
    if (/\/apis?$/.test(url.pathname) && body.items) return route.fulfill({ response, json: { ...body, items: [...body.items, EVIL_GROUP, null] } })
    if (!body.items) return route.fulfill({ response, json: body.metadata?.['name'] ? variantOf(body as Item, variant) : body })
    if (selector.startsWith('metadata.name=')) return route.fulfill({ response, json: { ...body, items: body.items.map((item) => variantOf(item, variant)) } })
    const items = body.items.flatMap((item) => [...Array.from({ length: VARIANTS }, (_, at) => variantOf(item, at)), misnamed(item)])
    return route.fulfill({ response, json: { ...body, items: [...items.slice(0, MAX_ITEMS), null, 'text', {}] } })
  })
}
