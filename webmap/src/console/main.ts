/** The console's entry: palette, language, the one element of the page. */
import '../tokens.css';
import '../extra.css';
import '../base.css';
import './console.css';
import './list.css';
import './map-pane.css';
import './detail.css';
import './sign-in.css';
import './narrow.css';
import { lang, setLanguage } from '../i18n';
import { startTheme } from '../ui/theme';
import './app';

startTheme();
setLanguage(lang());
