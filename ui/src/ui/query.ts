/** State that stands in the address, so that every view is a link. */
import { computed, type WritableComputedRef } from 'vue'
import { useRoute, useRouter } from 'vue-router'

/** One parameter of the query; empty means it is not there. Replaces the history entry: going back leaves the page. */
export function useQueryValue(name: string): WritableComputedRef<string> {
  const route = useRoute()
  const router = useRouter()
  return computed({
    get: () => {
      const value = route.query[name]
      return (Array.isArray(value) ? value[0] : value) ?? ''
    },
    set: (value) => {
      const query = { ...route.query }
      if (value === '') delete query[name]
      else query[name] = value
      void router.replace({ query, hash: route.hash })
    },
  })
}
