// Whether "Where is it decided?" is open.
import { computed } from "@preact/signals";
import { session } from "../session";

export const deciding = computed(() => session.value.own.stage?.decide !== undefined);
