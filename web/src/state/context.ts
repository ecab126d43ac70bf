import { createContext } from 'svelte';
import type { Messenger } from './messenger.svelte';

/** Every component below App finds the messenger here. */
export const [getMessenger, setMessenger] = createContext<Messenger>();
