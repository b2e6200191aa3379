// What the pages do beyond links and forms. Everything has a way without it.
'use strict';
