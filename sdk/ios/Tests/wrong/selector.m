// error: declares the selector 'registerForRemoteNotification'
// A misspelt selector of UIKit.
#import <UIKit/UIKit.h>

void wrong(void);
void wrong(void) { [[UIApplication sharedApplication] registerForRemoteNotification]; }
