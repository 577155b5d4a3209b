// What every page carries. Pages bring no scripts of their own: they mark elements with data-attributes.
import "./console.css";
import "./posts.css";
import "./review.css";
import "./rooms.css";
import "./compose.css";
import "./figures.css";
import Alpine from "@alpinejs/csp";
import "htmx.org";
import { onEveryAnswer } from "./answers";
import { onChoosing } from "./choosing";
import { onDialogs } from "./dialogs";
import { onKeys } from "./keys";
import { onLazyParts } from "./lazy";
import { onPassages } from "./passages";
import { onTheme } from "./theme";
import { onToasts } from "./toasts";
import { onZone } from "./zone";

onTheme();
onZone();
onToasts();
onDialogs();
onChoosing();
onPassages();
onKeys();
onEveryAnswer();
onLazyParts();
Alpine.start();
