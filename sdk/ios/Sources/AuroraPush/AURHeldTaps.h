// Taps that wait for someone to listen; private to the SDK.
#import <Foundation/Foundation.h>

NS_ASSUME_NONNULL_BEGIN

/// A payload and what was tapped: the action's identifier, or nil for the notification itself.
typedef void (^AURTapHandler)(NSDictionary *payload, NSString *_Nullable action);

/// Hands taps to a handler on the main thread, in order; without one it keeps the latest 20. A tap often starts the app long
/// before the part that wants to know of it exists. Thread-safe.
@interface AURHeldTaps : NSObject
- (instancetype)initWithCallbacks:(void (^)(void (^block)(void)))callbacks NS_DESIGNATED_INITIALIZER;
- (instancetype)init NS_UNAVAILABLE;
@property (atomic, copy, nullable) AURTapHandler handler;
- (void)addPayload:(NSDictionary *)payload action:(nullable NSString *)action;
@end

NS_ASSUME_NONNULL_END
