/** State that stands in the address, so that every view is a link. */
import { computed, toValue, watch, type MaybeRefOrGetter, type WritableComputedRef } from 'vue'
import { useRoute, useRouter, type Router } from 'vue-router'

/** What is to be written: together, because of two changes of the address at once the second undoes the first. */
const changes = new Map<string, string>()

function write(router: Router, name: string, value: string): void {
  if (changes.size === 0) queueMicrotask(() => flush(router))
  changes.set(name, value)
}

function flush(router: Router): void {
  const { query: before, hash } = router.currentRoute.value
  const query = { ...before }
  for (const [name, value] of changes) {
    if (value === '') delete query[name]
    else query[name] = value
  }
  changes.clear()
  void router.replace({ query, hash })
}

/** One parameter of the query; empty means it is not there. Replaces the history entry: going back leaves the page. */
export function useQueryValue(name: string): WritableComputedRef<string> {
  const route = useRoute()
  const router = useRouter()
  return computed({
    get: () => {
      const value = route.query[name]
      return (Array.isArray(value) ? value[0] : value) ?? ''
    },
    set: (value) => write(router, name, value),
  })
}

/**
 * A choice that also holds for the next visit: what the address says, else what this person chose last (`kept`, under
 * `key`), else `usual`. The address is made to say it, unless it is the usual one.
 */
export function useKeptQueryValue(name: string, kept: Record<string, string>, key: MaybeRefOrGetter<string>, usual: MaybeRefOrGetter<string>): WritableComputedRef<string> {
  const route = useRoute()
  const inAddress = useQueryValue(name)
  const chosen = computed(() => inAddress.value || (kept[toValue(key)] ?? toValue(usual)))
  watch(
    () => route.path,
    () => {
      if (inAddress.value === '' && chosen.value !== toValue(usual)) inAddress.value = chosen.value
    },
    // A page that is left is gone by then, and writes nothing into the address of the next.
    { immediate: true, flush: 'post' },
  )
  return computed({
    get: () => chosen.value,
    set: (value) => {
      if (value === toValue(usual)) delete kept[toValue(key)]
      else kept[toValue(key)] = value
      inAddress.value = value === toValue(usual) ? '' : value
    },
  })
}
