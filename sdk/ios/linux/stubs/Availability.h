// API_AVAILABLE and its kin mean nothing here.
#ifndef API_AVAILABLE
#define API_AVAILABLE(...)
#define API_DEPRECATED(...)
#define NS_EXTENSION_UNAVAILABLE_IOS(...)
#endif
