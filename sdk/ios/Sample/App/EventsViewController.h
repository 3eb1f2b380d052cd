#import <UIKit/UIKit.h>

NS_ASSUME_NONNULL_BEGIN

/// Shows what the SDK says: registration, taps, in-app messages.
@interface EventsViewController : UIViewController
@end

NS_ASSUME_NONNULL_END
