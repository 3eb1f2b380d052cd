#import <UIKit/UIKit.h>

NS_ASSUME_NONNULL_BEGIN

@interface SceneDelegate : UIResponder <UIWindowSceneDelegate>
@property (nonatomic, nullable) UIWindow *window;
@end

NS_ASSUME_NONNULL_END
