// What the app is doing; private to the SDK.
#import <Foundation/Foundation.h>

#if TARGET_OS_IPHONE
NS_ASSUME_NONNULL_BEGIN

/// Tells the centre when the app comes to the front or leaves it. The notifications of UIApplication are posted for apps with
/// scenes too.
@interface AURApplicationObserver : NSObject
/// Begins with the present state; main thread. Further calls do nothing.
+ (void)begin;
@end

NS_ASSUME_NONNULL_END
#endif
