// The adapters between the core of Aurora's SDK and the system; safe in app extensions.
#import "AURSystem.h"
